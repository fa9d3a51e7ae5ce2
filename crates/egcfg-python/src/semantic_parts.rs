//! How the semantic walk enters what has parts with rules of their own: definitions, annotations, `try`, `with`,
//! comprehensions. Each part is visited in the scope, and under the open blocks, that CPython gives it.

use ruff_python_ast::visitor::Visitor;
use ruff_python_ast::{self as ast, Comprehension, Expr, Stmt};
use ruff_text_size::{Ranged, TextRange};

use crate::extra_rules;
use crate::scope::{Kind, flag};
use crate::semantic::Walk;
use crate::units::{ASYNC_COMPREHENSION, Block, Judgement};

impl<'a> Walk<'a> {
    pub(crate) fn judge(&self, range: TextRange, judgement: Judgement) {
        if let Err(message) = judgement {
            self.context.report(range, message);
        }
    }

    pub(crate) fn enter(&mut self, kind: Kind) {
        if self.in_class_annotation && (kind == Kind::Lambda || kind.is_comprehension()) {
            let message = "lambda or comprehension in an annotation scope within a class scope";
            self.context.report(TextRange::default(), message);
        }
        if kind != Kind::TypeParams {
            self.units.enter(kind);
        }
        self.symbols.enter(kind);
        self.surroundings();
    }

    pub(crate) fn leave(&mut self, kind: Kind, range: TextRange) {
        if kind != Kind::TypeParams {
            let judgement = self.units.leave();
            self.judge(range, judgement);
        }
        self.left();
    }

    pub(crate) fn left(&mut self) {
        self.symbols.leave();
        self.surroundings();
    }

    pub(crate) fn surroundings(&mut self) {
        self.context.in_module = self.units.kind() == Kind::Module;
        self.context.in_class_comprehension = self.units.comprehension_in_class();
    }

    pub(crate) fn docstring(&self, body: &[Stmt]) {
        if let Some(part) = extra_rules::docstring(self.source, body, self.version) {
            self.context.report(part.range, "docstring holds half a surrogate pair");
        }
    }

    pub(crate) fn in_block(&mut self, block: Block, range: TextRange, inside: impl FnOnce(&mut Self)) {
        let opened = self.units.open(block);
        self.judge(range, opened);
        inside(self);
        self.units.close();
    }

    pub(crate) fn function(&mut self, def: &'a ast::StmtFunctionDef) {
        self.symbols.add(&def.name, flag::LOCAL);
        for decorator in &def.decorator_list {
            self.visit_expr(&decorator.expression);
        }
        self.defaults(&def.parameters);
        self.with_type_params(def.type_params.as_deref(), |walk| {
            let generic = def.type_params.is_some();
            let annotations = def.parameters.iter().filter_map(ast::AnyParameterRef::annotation);
            for annotation in annotations.chain(def.returns.as_deref()) {
                let compiled = !walk.context.future_annotations;
                walk.annotation_scope(generic, |walk| walk.annotation(annotation, compiled));
            }
            let kind = if def.is_async { Kind::AsyncFunction } else { Kind::Function };
            walk.enter(kind);
            walk.parameters(&def.parameters);
            walk.docstring(&def.body);
            walk.visit_body(&def.body);
            walk.leave(kind, def.range);
        });
    }

    pub(crate) fn class(&mut self, class: &'a ast::StmtClassDef) {
        self.symbols.add(&class.name, flag::LOCAL);
        for decorator in &class.decorator_list {
            self.visit_expr(&decorator.expression);
        }
        self.with_type_params(class.type_params.as_deref(), |walk| {
            if let Some(arguments) = &class.arguments {
                if extra_rules::has_debug_keyword(arguments) {
                    walk.context.report(arguments.range, "cannot assign to `__debug__`");
                }
                let generic = class.type_params.is_some();
                walk.annotation_scope(generic, |walk| walk.visit_arguments(arguments));
            }
            walk.enter(Kind::Class);
            walk.docstring(&class.body);
            walk.visit_body(&class.body);
            walk.leave(Kind::Class, class.range);
        });
    }

    pub(crate) fn with_type_params(
        &mut self,
        params: Option<&'a ast::TypeParams>,
        inside: impl FnOnce(&mut Self),
    ) {
        let Some(params) = params else { return inside(self) };
        self.judge(params.range, extra_rules::type_params(params, self.version));
        self.enter(Kind::TypeParams);
        for param in &params.type_params {
            self.symbols.add(param.name(), flag::TYPE_PARAM);
        }
        self.annotation_scope(true, |walk| walk.visit_type_params(params));
        inside(self);
        self.leave(Kind::TypeParams, params.range);
    }

    /// What 3.12 calls an annotation scope: there, directly in a class, it allows neither lambdas nor comprehensions.
    pub(crate) fn annotation_scope(&mut self, opens: bool, inside: impl FnOnce(&mut Self)) {
        let strict = opens && self.version.minor == 12 && self.units.kind() == Kind::Class;
        let before = std::mem::replace(&mut self.in_class_annotation, strict);
        inside(self);
        self.in_class_annotation = before;
    }

    pub(crate) fn defaults(&mut self, parameters: &'a ast::Parameters) {
        for default in parameters.iter_non_variadic_params().filter_map(|parameter| parameter.default()) {
            self.visit_expr(default);
        }
    }

    pub(crate) fn parameters(&mut self, parameters: &'a ast::Parameters) {
        for parameter in parameters {
            self.symbols.add(parameter.name(), flag::PARAM);
        }
    }

    pub(crate) fn annotated(&mut self, stmt: &'a ast::StmtAnnAssign) {
        if let Expr::Name(name) = stmt.target.as_ref() {
            self.checker.visit_expr(&stmt.target, &self.context);
            let declared = self.symbols.get(&name.id) & (flag::GLOBAL | flag::NONLOCAL) != 0;
            if declared && stmt.simple && !self.context.in_module {
                self.context
                    .report(name.range, format!("annotated name `{}` can't be global or nonlocal", name.id));
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
    pub(crate) fn annotation(&mut self, annotation: &'a Expr, compiled: bool) {
        if self.context.future_annotations {
            self.judge(annotation.range(), extra_rules::text_annotation(annotation, self.version));
        }
        let before = std::mem::replace(&mut self.units.uncompiled, !compiled);
        self.visit_expr(annotation);
        self.units.uncompiled = before;
    }

    /// `try`, with the blocks that the compiler opens for each part; names are met in its order too.
    pub(crate) fn attempt(&mut self, stmt: &'a ast::StmtTry) {
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
    pub(crate) fn with_items(&mut self, stmt: &'a ast::StmtWith) {
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

    pub(crate) fn comprehension(
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

    pub(crate) fn clause(&mut self, generator: &'a Comprehension) {
        self.visit_expr(&generator.target);
        if generator.is_async {
            self.units.async_clause();
        }
        for condition in &generator.ifs {
            self.visit_expr(condition);
        }
    }
}
