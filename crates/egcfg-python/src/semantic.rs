//! Validity beyond the grammar: one walk over the tree in the order in which CPython fills its symbol table.
//!
//! The walk feeds three judges: Ruff's checker (what one statement or expression tells by itself), [`Units`] (what may
//! stand where) and [`Symbols`] (names and their declarations). The first error ends it.

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, ExprContext, InterpolatedStringElement, ModModule, Pattern, Stmt};
use ruff_python_parser::Parsed;
use ruff_python_parser::semantic_errors::SemanticSyntaxChecker;
use ruff_text_size::Ranged;

use crate::extra_rules;
use crate::fault::SyntaxFault;
use crate::literals;
use crate::scope::{Kind, Symbols, flag};
use crate::semantic_context::Context;
use crate::units::{Block, Units};
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
        in_class_annotation: false,
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
        import.module.as_deref() == Some("__future__")
            && import.names.iter().any(|name| &name.name == "annotations")
    })
}

pub(crate) struct Walk<'a> {
    pub(crate) checker: SemanticSyntaxChecker,
    pub(crate) context: Context<'a>,
    pub(crate) units: Units,
    pub(crate) symbols: Symbols<'a>,
    pub(crate) source: &'a str,
    pub(crate) version: PythonVersion,
    /// Format specifications around the f-string field being visited.
    pub(crate) nested_specs: usize,
    /// Whether the walk is in an annotation scope directly in a class (3.12 only).
    pub(crate) in_class_annotation: bool,
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
            Stmt::Import(ast::StmtImport { names, .. })
            | Stmt::ImportFrom(ast::StmtImportFrom { names, .. }) => {
                for alias in names {
                    let bound = alias.asname.as_deref().unwrap_or_else(|| {
                        alias.name.split_once('.').map_or(alias.name.as_str(), |(first, _)| first)
                    });
                    self.symbols.add(bound, flag::IMPORT);
                }
            }
            Stmt::TypeAlias(alias) => {
                self.visit_expr(&alias.name);
                self.with_type_params(alias.type_params.as_deref(), |walk| {
                    walk.annotation_scope(true, |walk| walk.visit_expr(&alias.value));
                });
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
