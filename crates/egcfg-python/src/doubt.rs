//! Tests that no wrong program can fail: that assert nothing, assert what is always true, or never ask the program anything. A program
//! that passes such a test has shown nothing, so the test is refused where a person has written it.
//!
//! The judgement is by the text alone, and in favour of the test: whatever might check something counts as a check.

use ruff_python_ast::{Expr, Stmt};
use ruff_text_size::Ranged;

use crate::asked::Names;
use crate::checked_names::Checks;
use crate::checks::Finding;
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
    let mut checks = Checks::new(entry_point);
    let before = with_module(&lines::unix_newlines(setup), NEWEST, |parsed| {
        checks.learn(parsed.suite());
        Names::of(parsed.suite())
    });
    let before = before.unwrap_or_default();
    with_module(&test, NEWEST, |parsed| {
        let body = parsed.suite();
        let line = |start: usize| test[..start].matches('\n').count() + 1;
        match checks.look(body) {
            Finding::Checks if Names::asks(body, entry_point, &before) => None,
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
