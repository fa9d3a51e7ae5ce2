//! Tests that no wrong program can fail: that assert nothing, assert what is always true, or never ask the program anything. A program
//! that passes such a test has shown nothing, so the test is refused where a person has written it.
//!
//! The judgement is by the text alone, and in favour of the test: whatever might check something counts as a check.

use std::collections::HashSet;

use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, walk_expr, walk_stmt};
use ruff_python_ast::{Alias, ExceptHandler, Expr, ExprContext, Parameter, Stmt};
use ruff_text_size::Ranged;

use crate::calls::is_helper;
use crate::checks::{Checks, Finding};
use crate::lines;
use crate::parse::with_module;
use crate::version::PythonVersion;

/// Tests are read with the newest syntax: they come from data, not from the model.
const NEWEST: PythonVersion = PythonVersion { major: 3, minor: 14 };

/// Why a test says nothing about a program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} (hint: {hint})")]
pub struct Doubt {
    /// What is wrong with it: a lowercase fragment.
    pub what: String,
    /// What to write instead.
    pub hint: String,
    /// The line of the test that it is about, counted from 1; 0 where it is about all of it.
    pub line: usize,
}

/// Says why a test cannot fail for a wrong program, or `None` where it may. `setup` is the code that runs before the test.
///
/// A text that is not valid Python is no matter for doubt: it cannot run at all.
///
/// ```
/// use egcfg_python::doubt;
///
/// assert!(doubt("assert f([1]) == 99", "f", "").is_none());
/// let doubt = doubt("f([1]) == 99", "f", "").unwrap();
/// assert_eq!(doubt.what, "it asserts nothing: line 1 compares, and nobody looks at the result");
/// assert_eq!(doubt.hint, "write `assert f([1]) == 99`");
/// ```
pub fn doubt(test: &str, entry_point: &str, setup: &str) -> Option<Doubt> {
    let test = lines::unix_newlines(test);
    let before = Names::of(&lines::unix_newlines(setup));
    with_module(&test, NEWEST, |parsed| {
        let body = parsed.suite();
        let names = Names::of_body(body);
        let helpers = Checks::helpers(&before.checking, entry_point);
        let found = helpers.look(body);
        let line = |start: usize| test[..start].matches('\n').count() + 1;
        match found {
            Finding::Checks if names.asks(entry_point, &before) => None,
            Finding::Checks => Some(Doubt {
                what: format!("it never calls {entry_point}"),
                hint: format!("ask the program, as in `assert {entry_point}(...) == ...`"),
                line: 0,
            }),
            Finding::Nothing => Some(nothing(body, entry_point, &test, line)),
            Finding::Says { at, what, hint } => Some(Doubt {
                what: format!("it asserts nothing: line {} {what}", line(at)),
                hint: hint.to_owned(),
                line: line(at),
            }),
        }
    })
    .ok()?
}

/// What to say of a test without any check in it.
fn nothing(body: &[Stmt], entry_point: &str, test: &str, line: impl Fn(usize) -> usize) -> Doubt {
    let value = body.iter().rev().find_map(|stmt| stmt.as_expr_stmt().map(|stmt| &*stmt.value));
    let (what, hint) = match value {
        Some(value @ Expr::Compare(_)) => {
            let line = line(value.start().to_usize());
            let text = test[value.range()].replace('\n', " ");
            (
                format!("it asserts nothing: line {line} compares, and nobody looks at the result"),
                format!("write `assert {text}`"),
            )
        }
        Some(value @ Expr::Call(_)) if test[value.range()].starts_with("print") => {
            ("it asserts nothing: it only prints".to_owned(), "assert what should be printed".to_owned())
        }
        Some(Expr::Call(_)) => (
            "it asserts nothing: it calls, and nobody looks at the result".to_owned(),
            format!("write `assert {entry_point}(...) == ...`"),
        ),
        _ => ("it asserts nothing".to_owned(), format!("write `assert {entry_point}(...) == ...`")),
    };
    let line = value.map_or(0, |value| line(value.start().to_usize()));
    Doubt { what, hint, line }
}

/// The names of a text: what it binds, and what it takes from elsewhere.
#[derive(Default)]
struct Names {
    binds: HashSet<String>,
    loads: HashSet<String>,
    /// Functions that it defines and that check something.
    checking: Vec<String>,
}

impl Names {
    fn of(source: &str) -> Self {
        let names = with_module(source, NEWEST, |parsed| {
            let mut names = Self::of_body(parsed.suite());
            names.checking = Checks::helpers(&[], "").checking(parsed.suite());
            names
        });
        names.unwrap_or_default()
    }

    fn of_body(body: &[Stmt]) -> Self {
        let mut names = Self::default();
        for stmt in body {
            names.visit_stmt(stmt);
        }
        names
    }

    /// Whether the test may ask something of the program: it names the entry point, or what neither itself, nor Python, nor
    /// a setup that has nothing of the program defines; or it reaches the program by a way that no name shows.
    fn asks(&self, entry_point: &str, before: &Self) -> bool {
        let of_program = |name: &String| {
            name == entry_point
                || name == "candidate"
                || WAYS.contains(&name.as_str())
                || !(self.binds.contains(name) || is_known(name))
        };
        let setup_asks = before
            .loads
            .iter()
            .any(|name| name == entry_point || !(before.binds.contains(name) || is_known(name)));
        self.loads.iter().any(|name| {
            of_program(name) && (setup_asks || name == entry_point || !before.binds.contains(name))
        })
    }
}

/// Ways to a program that no name of its own shows.
const WAYS: [&str; 10] = [
    "exec",
    "eval",
    "globals",
    "locals",
    "vars",
    "__import__",
    "importlib",
    "subprocess",
    "open",
    "solution",
];

/// Names of Python and its library, exceptions included.
fn is_known(name: &str) -> bool {
    is_helper(name)
        || ["True", "False", "None", "__name__", "Exception", "BaseException", "slice", "delattr", "setattr"]
            .contains(&name)
        || name.ends_with("Error")
        || name.ends_with("Exception")
        || name.ends_with("Warning")
}

impl<'a> SourceOrderVisitor<'a> for Names {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(def) => _ = self.binds.insert(def.name.to_string()),
            Stmt::ClassDef(def) => _ = self.binds.insert(def.name.to_string()),
            Stmt::ImportFrom(import) => {
                // Something may be the program itself, imported by its file's name.
                if import.module.as_ref().is_some_and(|module| WAYS.contains(&module.as_str())) {
                    self.loads.insert("solution".to_owned());
                }
            }
            _ => {}
        }
        walk_stmt(self, stmt);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Name(name) = expr {
            let set = if name.ctx == ExprContext::Load { &mut self.loads } else { &mut self.binds };
            set.insert(name.id.to_string());
        }
        walk_expr(self, expr);
    }

    fn visit_alias(&mut self, alias: &'a Alias) {
        let name = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
        let first = name.split('.').next().unwrap_or(name);
        self.binds.insert(first.to_owned());
        if WAYS.contains(&alias.name.as_str()) {
            self.loads.insert("solution".to_owned());
        }
    }

    fn visit_parameter(&mut self, parameter: &'a Parameter) {
        self.binds.insert(parameter.name.to_string());
    }

    fn visit_except_handler(&mut self, handler: &'a ExceptHandler) {
        let ExceptHandler::ExceptHandler(inner) = handler;
        if let Some(name) = &inner.name {
            self.binds.insert(name.to_string());
        }
        ruff_python_ast::visitor::source_order::walk_except_handler(self, handler);
    }
}
