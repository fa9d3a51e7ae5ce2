//! Validity beyond the grammar: one walk over the tree in the order in which CPython fills its symbol table.
//!
//! The walk feeds three judges: Ruff's checker (what one statement or expression tells by itself), [`Units`] (what may
//! stand where) and [`Symbols`] (names and their declarations). The first error ends it.

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Comprehension, Expr, ExprContext, InterpolatedStringElement, ModModule, Pattern, Stmt};
use ruff_python_parser::Parsed;
use ruff_python_parser::semantic_errors::SemanticSyntaxChecker;
use ruff_text_size::{Ranged, TextRange};

use crate::extra_rules;
use crate::fault::SyntaxFault;
use crate::literals;
use crate::scope::{Kind, Symbols, flag};
use crate::semantic_context::Context;
use crate::units::{ASYNC_COMPREHENSION, Block, Judgement, Units};
use crate::version::PythonVersion;

/// Checks a module that parsed.
pub(crate) fn check(
    source: &str,
    version: PythonVersion,
    parsed: &Parsed<ModModule>,
) -> Result<(), SyntaxFault> {
    let mut walk = Walk {
        checker: SemanticSyntaxChecker::new(),
        context: Context::new(source, version.target()),
        units: Units::new(version),
        symbols: Symbols::new(source),
        source,
        version,
        nested_specs: 0,
    };
    walk.context.future_annotations = imports_annotations(parsed.suite());
    walk.docstring(parsed.suite());
    walk.visit_body(parsed.suite());
    if let Some((name, range)) = walk.symbols.unbound_nonlocal() {
        walk.context.report(range, format!("no binding for nonlocal `{name}` found"));
    }
    match walk.context.into_error() {
        None => Ok(()),
        Some((range, message)) => Err(SyntaxFault::at(source, range.start(), message)),
    }
}

/// Whether `from __future__ import annotations` stands among the module's statements.
fn imports_annotations(body: &[Stmt]) -> bool {
    body.iter().filter_map(Stmt::as_import_from_stmt).any(|import| {
        import.module.as_deref() == Some("__future__") && import.names.iter().any(|name| &name.name == "annotations")
    })
}

struct Walk<'a> {
    checker: SemanticSyntaxChecker,
    context: Context<'a>,
    units: Units,
    symbols: Symbols<'a>,
    source: &'a str,
    version: PythonVersion,
    /// Format specifications around the f-string field being visited.
    nested_specs: usize,
}

impl<'a> Walk<'a> {
    fn judge(&self, range: TextRange, judgement: Judgement) {
        if let Err(message) = judgement {
            self.context.report(range, message);
        }
    }

    fn enter(&mut self, kind: Kind) {
        if kind != Kind::TypeParams {
            self.units.enter(kind);
        }
        self.symbols.enter(kind);
        self.surroundings();
    }

    fn leave(&mut self, kind: Kind, range: TextRange) {
        if kind != Kind::TypeParams {
            let judgement = self.units.leave();
            self.judge(range, judgement);
        }
        self.left();
    }

    fn left(&mut self) {
        self.symbols.leave();
        self.surroundings();
    }

    fn surroundings(&mut self) {
        self.context.in_module = self.units.kind() == Kind::Module;
        self.context.in_class_comprehension = self.units.comprehension_in_class();
    }

    fn docstring(&self, body: &[Stmt]) {
        if let Some(part) = extra_rules::docstring(self.source, body, self.version) {
            self.context.report(part.range, "docstring holds half a surrogate pair");
        }
    }

    fn in_block(&mut self, block: Block, range: TextRange, inside: impl FnOnce(&mut Self)) {
        let opened = self.units.open(block);
        self.judge(range, opened);
        inside(self);
        self.units.close();
    }

    fn function(&mut self, def: &'a ast::StmtFunctionDef) {
        self.symbols.add(&def.name, flag::LOCAL);
        for decorator in &def.decorator_list {
            self.visit_expr(&decorator.expression);
        }
        self.defaults(&def.parameters);
        self.with_type_params(def.type_params.as_deref(), |walk| {
            let annotations = def.parameters.iter().filter_map(|parameter| parameter.annotation());
            for annotation in annotations.chain(def.returns.as_deref()) {
                walk.annotation(annotation, !walk.context.future_annotations);
            }
            let kind = if def.is_async { Kind::AsyncFunction } else { Kind::Function };
            walk.enter(kind);
            walk.parameters(&def.parameters);
            walk.docstring(&def.body);
            walk.visit_body(&def.body);
            walk.leave(kind, def.range);
        });
    }

    fn class(&mut self, class: &'a ast::StmtClassDef) {
        self.symbols.add(&class.name, flag::LOCAL);
        for decorator in &class.decorator_list {
            self.visit_expr(&decorator.expression);
        }
        self.with_type_params(class.type_params.as_deref(), |walk| {
            if let Some(arguments) = &class.arguments {
                if extra_rules::has_debug_keyword(arguments) {
                    walk.context.report(arguments.range, "cannot assign to `__debug__`");
                }
                walk.visit_arguments(arguments);
            }
            walk.enter(Kind::Class);
            walk.docstring(&class.body);
            walk.visit_body(&class.body);
            walk.leave(Kind::Class, class.range);
        });
    }

    fn with_type_params(&mut self, params: Option<&'a ast::TypeParams>, inside: impl FnOnce(&mut Self)) {
        let Some(params) = params else { return inside(self) };
        self.enter(Kind::TypeParams);
        for param in &params.type_params {
            self.symbols.add(param.name(), flag::TYPE_PARAM);
        }
        self.visit_type_params(params);
        inside(self);
        self.leave(Kind::TypeParams, params.range);
    }

    fn defaults(&mut self, parameters: &'a ast::Parameters) {
        for default in parameters.iter_non_variadic_params().filter_map(|parameter| parameter.default()) {
            self.visit_expr(default);
        }
    }

    fn parameters(&mut self, parameters: &'a ast::Parameters) {
        for parameter in parameters {
            self.symbols.add(parameter.name(), flag::PARAM);
        }
    }

    fn annotated(&mut self, stmt: &'a ast::StmtAnnAssign) {
        if let Expr::Name(name) = stmt.target.as_ref() {
            let declared = self.symbols.get(&name.id) & (flag::GLOBAL | flag::NONLOCAL) != 0;
            if declared && stmt.simple && !self.context.in_module {
                self.context.report(name.range, format!("annotated name `{}` can't be global or nonlocal", name.id));
            }
            if stmt.simple {
                self.symbols.add(&name.id, flag::ANNOTATED | flag::LOCAL);
            } else if stmt.value.is_some() {
                self.symbols.add(&name.id, flag::LOCAL);
            }
        } else {
            self.visit_expr(&stmt.target);
        }
        let kept = matches!(self.units.kind(), Kind::Module | Kind::Class);
        self.annotation(&stmt.annotation, kept && !self.context.future_annotations);
        if let Some(value) = &stmt.value {
            self.visit_expr(value);
        }
    }

    /// An annotation. One that is not compiled (of a local variable, or kept as text) breaks fewer rules.
    fn annotation(&mut self, annotation: &'a Expr, compiled: bool) {
        if self.context.future_annotations {
            self.judge(annotation.range(), extra_rules::text_annotation(annotation, self.version));
        }
        let before = std::mem::replace(&mut self.units.uncompiled, !compiled);
        self.visit_expr(annotation);
        self.units.uncompiled = before;
    }

    /// `try`, with the blocks that the compiler opens for each part; names are met in its order too.
    fn attempt(&mut self, stmt: &'a ast::StmtTry) {
        let range = stmt.range;
        let guarded = |walk: &mut Self| {
            if stmt.handlers.is_empty() {
                walk.visit_body(&stmt.body);
                return walk.visit_body(&stmt.orelse);
            }
            walk.in_block(Block::Other, range, |walk| walk.visit_body(&stmt.body));
            walk.visit_body(&stmt.orelse);
            let block = if stmt.is_star { Block::StarHandler } else { Block::Other };
            walk.in_block(block, range, |walk| {
                for ast::ExceptHandler::ExceptHandler(handler) in &stmt.handlers {
                    if let Some(kind) = &handler.type_ {
                        walk.visit_expr(kind);
                    }
                    if let Some(name) = &handler.name {
                        walk.symbols.add(name, flag::LOCAL);
                    }
                    walk.in_block(Block::Other, handler.range, |walk| walk.visit_body(&handler.body));
                }
            });
        };
        if stmt.finalbody.is_empty() {
            return guarded(self);
        }
        self.in_block(Block::Other, range, guarded);
        self.in_block(Block::Finally, range, |walk| walk.visit_body(&stmt.finalbody));
    }

    /// `with` nests one block per item, and its body in all of them.
    fn with_items(&mut self, stmt: &'a ast::StmtWith) {
        for item in &stmt.items {
            self.visit_expr(&item.context_expr);
            let opened = self.units.open(Block::Other);
            self.judge(item.range, opened);
            if let Some(target) = &item.optional_vars {
                self.visit_expr(target);
            }
        }
        self.visit_body(&stmt.body);
        for _ in &stmt.items {
            self.units.close();
        }
    }

    fn comprehension(
        &mut self,
        expr: &'a Expr,
        kind: Kind,
        generators: &'a [Comprehension],
        results: [Option<&'a Expr>; 2],
    ) {
        let mut generators = generators.iter();
        let Some(first) = generators.next() else { return };
        // The outermost iterable is evaluated outside.
        self.visit_expr(&first.iter);
        self.enter(kind);
        self.clause(first);
        for generator in generators {
            self.visit_expr(&generator.iter);
            self.clause(generator);
        }
        for result in results.into_iter().flatten() {
            self.visit_expr(result);
        }
        if let Err(range) = self.units.leave_comprehension(expr.range()) {
            self.context.report(range, ASYNC_COMPREHENSION);
        }
        self.left();
    }

    fn clause(&mut self, generator: &'a Comprehension) {
        self.visit_expr(&generator.target);
        if generator.is_async {
            self.units.async_clause();
        }
        for condition in &generator.ifs {
            self.visit_expr(condition);
        }
    }
}

impl<'a> Visitor<'a> for Walk<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        if self.context.failed() {
            return;
        }
        self.checker.visit_stmt(stmt, &self.context);
        self.judge(stmt.range(), extra_rules::statement(stmt, self.version));
        match stmt {
            Stmt::FunctionDef(def) => self.function(def),
            Stmt::ClassDef(class) => self.class(class),
            Stmt::AnnAssign(assign) => self.annotated(assign),
            Stmt::Try(attempt) => self.attempt(attempt),
            Stmt::With(with) => {
                if with.is_async {
                    self.judge(with.range, self.units.async_statement());
                }
                self.with_items(with);
            }
            Stmt::For(each) => {
                if each.is_async {
                    self.judge(each.range, self.units.async_statement());
                }
                self.visit_expr(&each.target);
                self.visit_expr(&each.iter);
                self.in_block(Block::Loop, each.range, |walk| walk.visit_body(&each.body));
                self.visit_body(&each.orelse);
            }
            Stmt::While(each) => {
                self.visit_expr(&each.test);
                self.in_block(Block::Loop, each.range, |walk| walk.visit_body(&each.body));
                self.visit_body(&each.orelse);
            }
            Stmt::Return(returns) => {
                let judgement = self.units.return_here();
                self.judge(returns.range, judgement);
                visitor::walk_stmt(self, stmt);
            }
            Stmt::Break(jump) => {
                let judgement = self.units.jump(false);
                self.judge(jump.range, judgement);
            }
            Stmt::Continue(jump) => {
                let judgement = self.units.jump(true);
                self.judge(jump.range, judgement);
            }
            Stmt::Global(global) => {
                for name in &global.names {
                    if let Err(message) = self.symbols.declare(name, name.range, flag::GLOBAL) {
                        self.context.report(name.range, message);
                    }
                }
            }
            Stmt::Nonlocal(nonlocal) => {
                if self.context.in_module {
                    self.context.report(nonlocal.range, "nonlocal declaration not allowed at module level");
                }
                for name in &nonlocal.names {
                    if let Err(message) = self.symbols.declare(name, name.range, flag::NONLOCAL) {
                        self.context.report(name.range, message);
                    }
                }
            }
            Stmt::Import(ast::StmtImport { names, .. }) | Stmt::ImportFrom(ast::StmtImportFrom { names, .. }) => {
                for alias in names {
                    let bound = alias.asname.as_deref().unwrap_or_else(|| {
                        alias.name.split_once('.').map_or(alias.name.as_str(), |(first, _)| first)
                    });
                    self.symbols.add(bound, flag::IMPORT);
                }
            }
            Stmt::TypeAlias(alias) => {
                self.visit_expr(&alias.name);
                self.with_type_params(alias.type_params.as_deref(), |walk| walk.visit_expr(&alias.value));
            }
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        if self.context.failed() {
            return;
        }
        self.checker.visit_expr(expr, &self.context);
        self.judge(expr.range(), extra_rules::expression(expr));
        match expr {
            Expr::Name(name) => {
                let bits = if name.ctx == ExprContext::Load { flag::USE } else { flag::LOCAL };
                self.symbols.add(&name.id, bits);
            }
            Expr::Named(named) => {
                if let Expr::Name(name) = named.target.as_ref() {
                    self.symbols.add_walrus(&name.id);
                    self.checker.visit_expr(&named.target, &self.context);
                }
                self.visit_expr(&named.value);
            }
            Expr::Lambda(lambda) => {
                if let Some(parameters) = &lambda.parameters {
                    self.defaults(parameters);
                }
                self.enter(Kind::Lambda);
                if let Some(parameters) = &lambda.parameters {
                    self.parameters(parameters);
                }
                self.visit_expr(&lambda.body);
                self.leave(Kind::Lambda, lambda.range);
            }
            Expr::ListComp(comp) => {
                self.comprehension(expr, Kind::Comprehension, &comp.generators, [Some(&comp.elt), None]);
            }
            Expr::SetComp(comp) => {
                self.comprehension(expr, Kind::Comprehension, &comp.generators, [Some(&comp.elt), None]);
            }
            Expr::DictComp(comp) => {
                let results = [comp.key.as_deref(), Some(&*comp.value)];
                self.comprehension(expr, Kind::Comprehension, &comp.generators, results);
            }
            Expr::Generator(comp) => {
                self.comprehension(expr, Kind::Generator, &comp.generators, [Some(&comp.elt), None]);
            }
            Expr::Yield(yields) => {
                let judgement = self.units.yield_here(false);
                self.judge(yields.range, judgement);
                visitor::walk_expr(self, expr);
            }
            Expr::YieldFrom(yields) => {
                let judgement = self.units.yield_here(true);
                self.judge(yields.range, judgement);
                visitor::walk_expr(self, expr);
            }
            Expr::Await(awaits) => {
                let judgement = self.units.await_here();
                self.judge(awaits.range, judgement);
                visitor::walk_expr(self, expr);
            }
            Expr::NumberLiteral(number) => {
                self.judge(number.range, literals::check_number(&self.source[number.range], self.version));
            }
            _ => visitor::walk_expr(self, expr),
        }
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        let name = match pattern {
            Pattern::MatchAs(capture) => capture.name.as_deref(),
            Pattern::MatchStar(capture) => capture.name.as_deref(),
            Pattern::MatchMapping(mapping) => mapping.rest.as_deref(),
            _ => None,
        };
        if let Some(name) = name {
            self.symbols.add(name, flag::LOCAL);
        }
        self.judge(pattern.range(), extra_rules::pattern(pattern));
        visitor::walk_pattern(self, pattern);
    }

    fn visit_interpolated_string_element(&mut self, element: &'a InterpolatedStringElement) {
        let InterpolatedStringElement::Interpolation(field) = element else { return };
        self.judge(field.range, extra_rules::field(self.source, field, self.nested_specs, self.version));
        let nested = std::mem::take(&mut self.nested_specs);
        self.visit_expr(&field.expression);
        self.nested_specs = nested + 1;
        for element in field.format_spec.iter().flat_map(|spec| &spec.elements) {
            self.visit_interpolated_string_element(element);
        }
        self.nested_specs = nested;
    }
}
