//! Connects Ruff's own checker of semantic errors to our walk.
//!
//! It is asked for what depends on one statement or expression (patterns, duplicate parameters, starred expressions,
//! future imports, ...). What depends on the surroundings and differs by release (where `await`, `yield`, `return`,
//! `break` may stand; which names are global) is judged by our own walk, so the answers given here silence those checks.

use std::cell::RefCell;

use ruff_python_ast::PythonVersion;
use ruff_python_parser::semantic_errors::{LazyImportContext, SemanticSyntaxContext, SemanticSyntaxError};
use ruff_text_size::{Ranged, TextRange};

use crate::extra_rules;

/// What Ruff's checker may ask for, and the first error that anyone reported.
pub(crate) struct Context<'a> {
    source: &'a str,
    version: PythonVersion,
    pub(crate) in_module: bool,
    /// Whether a comprehension starting here lies in a class body with nothing but comprehensions between.
    pub(crate) in_class_comprehension: bool,
    pub(crate) future_annotations: bool,
    first: RefCell<Option<(TextRange, String)>>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(source: &'a str, version: PythonVersion) -> Self {
        Self {
            source,
            version,
            in_module: true,
            in_class_comprehension: false,
            future_annotations: false,
            first: RefCell::new(None),
        }
    }

    /// Reports an error; the first one stays.
    pub(crate) fn report(&self, range: TextRange, message: impl Into<String>) {
        let mut first = self.first.borrow_mut();
        if first.is_none() {
            *first = Some((range, message.into()));
        }
    }

    pub(crate) fn failed(&self) -> bool {
        self.first.borrow().is_some()
    }

    pub(crate) fn into_error(self) -> Option<(TextRange, String)> {
        self.first.into_inner()
    }
}

impl SemanticSyntaxContext for Context<'_> {
    fn future_annotations_or_stub(&self) -> bool {
        self.future_annotations
    }

    fn lazy_import_context(&self) -> Option<LazyImportContext> {
        None
    }

    fn python_version(&self) -> PythonVersion {
        self.version
    }

    fn source(&self) -> &str {
        self.source
    }

    fn global(&self, _name: &str) -> Option<TextRange> {
        None
    }

    fn has_nonlocal_binding(&self, _name: &str) -> bool {
        true
    }

    fn in_async_context(&self) -> bool {
        false
    }

    fn in_await_allowed_context(&self) -> bool {
        true
    }

    fn in_yield_allowed_context(&self) -> bool {
        true
    }

    fn in_sync_comprehension(&self) -> bool {
        false
    }

    fn in_class_body_comprehension(&self) -> bool {
        self.in_class_comprehension
    }

    fn in_module_scope(&self) -> bool {
        self.in_module
    }

    fn in_function_scope(&self) -> bool {
        true
    }

    fn in_generator_context(&self) -> bool {
        true
    }

    fn in_notebook(&self) -> bool {
        false
    }

    fn report_semantic_error(&self, error: SemanticSyntaxError) {
        if !extra_rules::is_allowed_after_all(&error.kind) {
            self.report(error.range(), error.to_string());
        }
    }

    fn in_loop_context(&self) -> bool {
        true
    }

    fn is_bound_parameter(&self, _name: &str) -> bool {
        false
    }
}
