//! What a test defines, and what of it runs only when somebody asks for it.

use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, Stmt, StmtClassDef, StmtFunctionDef};
use ruff_text_size::Ranged;

/// A function of a text, or a class by one of its methods.
pub(crate) struct Defined<'a> {
    pub(crate) name: &'a str,
    pub(crate) body: &'a [Stmt],
    /// A call of it alone runs nothing of its body.
    pub(crate) lazy: bool,
    /// It is a `unittest` class.
    pub(crate) case: bool,
}

/// All functions and classes of a text.
pub(crate) fn definitions(body: &[Stmt]) -> Vec<Defined<'_>> {
    let mut all = All { found: Vec::new() };
    all.visit_body(body);
    all.found
}

struct All<'a> {
    found: Vec<Defined<'a>>,
}

impl<'a> SourceOrderVisitor<'a> for All<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(def) => {
                self.found.push(Defined {
                    name: &def.name,
                    body: &def.body,
                    lazy: is_lazy(def),
                    case: false,
                });
                walk_stmt(self, stmt);
            }
            Stmt::ClassDef(def) => self.class(def),
            _ => walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, _: &'a Expr) {}
}

impl<'a> All<'a> {
    fn class(&mut self, class: &'a StmtClassDef) {
        let base =
            |end: &str| class.bases().iter().any(|base| last_name(base).is_some_and(|n| n.ends_with(end)));
        let case = base("TestCase");
        let elsewhere = base("Thread") || base("Process");
        for inner in &class.body {
            let Stmt::FunctionDef(method) = inner else {
                self.visit_stmt(inner);
                continue;
            };
            // What a thread runs fails in the thread.
            if !(elsewhere && method.name.as_str() == "run") {
                for name in [&class.name, &method.name] {
                    self.found.push(Defined { name, body: &method.body, lazy: false, case });
                }
            }
            self.visit_body(&method.body);
        }
    }
}

/// Whether calling a function gives a coroutine or a generator. What a decorator makes of it is not known.
fn is_lazy(def: &StmtFunctionDef) -> bool {
    struct Yields(bool);
    impl<'a> SourceOrderVisitor<'a> for Yields {
        fn visit_stmt(&mut self, stmt: &'a Stmt) {
            if !matches!(stmt, Stmt::FunctionDef(_) | Stmt::ClassDef(_)) {
                walk_stmt(self, stmt);
            }
        }
        fn visit_expr(&mut self, expr: &'a Expr) {
            match expr {
                Expr::Yield(_) | Expr::YieldFrom(_) => self.0 = true,
                Expr::Lambda(_) => {}
                _ => walk_expr(self, expr),
            }
        }
    }
    let mut yields = Yields(false);
    yields.visit_body(&def.body);
    def.decorator_list.is_empty() && (def.is_async || yields.0)
}

/// The last name of a chain of attributes.
pub(crate) fn last_name(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Name(name) => Some(&name.id),
        Expr::Attribute(attribute) => Some(&attribute.attr),
        _ => None,
    }
}

/// Whether a text collects its `unittest` classes and runs them itself, which tells of failures by a result alone.
pub(crate) fn has_runner(body: &[Stmt]) -> bool {
    struct Finds(bool);
    impl<'a> SourceOrderVisitor<'a> for Finds {
        fn visit_expr(&mut self, expr: &'a Expr) {
            let name = last_name(expr).unwrap_or_default();
            self.0 |=
                ["TextTestRunner", "TestLoader", "defaultTestLoader", "TestSuite", "makeSuite", "TestResult"]
                    .contains(&name);
            walk_expr(self, expr);
        }
    }
    let mut finds = Finds(false);
    finds.visit_body(body);
    finds.0
}

/// Where the first assert of a text stands, reached or not.
pub(crate) fn first_assert(body: &[Stmt]) -> Option<usize> {
    struct First(Option<usize>);
    impl<'a> SourceOrderVisitor<'a> for First {
        fn visit_stmt(&mut self, stmt: &'a Stmt) {
            if matches!(stmt, Stmt::Assert(_)) && self.0.is_none() {
                self.0 = Some(stmt.start().to_usize());
            }
            walk_stmt(self, stmt);
        }
    }
    let mut first = First(None);
    first.visit_body(body);
    first.0
}
