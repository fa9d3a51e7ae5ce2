//! The statements of one function by their lines: which of them are reached by falling from the function's first line downwards,
//! so that what a run does up to there depends on the text above alone.

use ruff_python_ast::{ElifElseClause, ExceptHandler, Stmt, StmtFunctionDef};
use ruff_text_size::{Ranged, TextSize};

use crate::lines;
use crate::parse::with_module;
use crate::version::PythonVersion;

/// A statement of a function, by its lines from 1 on. A compound one (`if`, `for`) counts with its header alone; what stands in it
/// are statements of their own. Functions and classes inside the function count as one statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Where it begins.
    pub first: usize,
    /// Where it (or its header) ends.
    pub last: usize,
    /// It stands in the function's own body, in no other statement.
    pub top: bool,
    /// No loop repeats it and nothing around it (`try`, `with`) can catch what it raises: at most `if` stands above it.
    pub straight: bool,
}

/// A function's lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// The last line of its header; everything up to there comes before its body.
    pub header: usize,
    /// Its statements, in order.
    pub lines: Vec<Line>,
}

/// The outline of the last function called `name` at the top level of a valid program; `None` where there is none, or where it is
/// a generator or a coroutine, whose body does not run when it is called.
pub fn outline(source: &str, name: &str, version: PythonVersion) -> Option<Outline> {
    let source = lines::unix_newlines(source);
    with_module(&source, version, |parsed| {
        let starts = lines::line_starts(&source);
        let functions = parsed.suite().iter().filter_map(Stmt::as_function_def_stmt);
        let function = functions.filter(|function| function.name.as_str() == name).last()?;
        let waits = function.is_async || source[function.range()].contains("yield");
        (!waits).then(|| Outliner { starts: &starts, lines: Vec::new() }.of(function))
    })
    .ok()?
}

struct Outliner<'a> {
    starts: &'a [usize],
    lines: Vec<Line>,
}

impl Outliner<'_> {
    fn of(mut self, function: &StmtFunctionDef) -> Outline {
        let first = function.body.first().map_or(function.end(), Ranged::start);
        let header = self.before(first, self.line(function.name.end()));
        self.body(&function.body, true, true);
        Outline { header, lines: self.lines }
    }

    /// The line in which a place stands.
    fn line(&self, at: TextSize) -> usize {
        self.starts.partition_point(|start| *start <= at.to_usize())
    }

    /// The line before the one that a body begins in; `least` where it begins in the header's own line.
    fn before(&self, body: TextSize, least: usize) -> usize {
        (self.line(body) - 1).max(least)
    }

    fn body(&mut self, body: &[Stmt], top: bool, straight: bool) {
        for statement in body {
            self.statement(statement, top, straight);
        }
    }

    fn statement(&mut self, statement: &Stmt, top: bool, straight: bool) {
        let first = self.line(statement.start());
        // Where a compound statement's first inner one begins: its header ends in the line before.
        let inner = match statement {
            Stmt::If(own) => own.body.first(),
            Stmt::For(own) => own.body.first(),
            Stmt::While(own) => own.body.first(),
            Stmt::With(own) => own.body.first(),
            Stmt::Try(own) => own.body.first(),
            Stmt::Match(own) => own.cases.first().and_then(|case| case.body.first()),
            _ => None,
        };
        let last = match inner {
            Some(inner) => self.before(inner.start(), first),
            None => self.line(statement.end()),
        };
        self.lines.push(Line { first, last, top, straight });
        match statement {
            Stmt::If(own) => {
                self.body(&own.body, false, straight);
                for ElifElseClause { body, .. } in &own.elif_else_clauses {
                    self.body(body, false, straight);
                }
            }
            Stmt::For(own) => self.bodies(&[&own.body, &own.orelse]),
            Stmt::While(own) => self.bodies(&[&own.body, &own.orelse]),
            Stmt::With(own) => self.bodies(&[&own.body]),
            Stmt::Try(own) => {
                self.bodies(&[&own.body, &own.orelse, &own.finalbody]);
                for ExceptHandler::ExceptHandler(handler) in &own.handlers {
                    self.body(&handler.body, false, false);
                }
            }
            Stmt::Match(own) => own.cases.iter().for_each(|case| self.body(&case.body, false, straight)),
            _ => {}
        }
    }

    fn bodies(&mut self, bodies: &[&[Stmt]]) {
        for body in bodies {
            self.body(body, false, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Line, outline};
    use crate::version::PythonVersion;

    const PROGRAM: &str = "import math\n\ndef f(\n    xs,\n):\n    a = [\n        1,\n    ]\n    if xs:\n        b = 1\n    for x in xs:\n        b = x\n    try:\n        c = 1\n    except E:\n        d = 1\n    with o:\n        e = 1\n    if xs: return a\n    return b\n";

    #[test]
    fn lines_know_what_stands_around_them() {
        let found = outline(PROGRAM, "f", PythonVersion::default()).unwrap();
        assert_eq!(found.header, 5);
        let line = |first, last, top, straight| Line { first, last, top, straight };
        let expected = [
            line(6, 8, true, true),
            line(9, 9, true, true),
            line(10, 10, false, true),
            line(11, 11, true, true),
            line(12, 12, false, false),
            line(13, 13, true, true),
            line(14, 14, false, false),
            line(16, 16, false, false),
            line(17, 17, true, true),
            line(18, 18, false, false),
            line(19, 19, true, true),
            line(19, 19, false, true),
            line(20, 20, true, true),
        ];
        assert_eq!(found.lines, expected);
    }

    #[test]
    fn what_does_not_run_when_it_is_called_has_none() {
        let of = |text: &str| outline(text, "f", PythonVersion::default());
        assert_eq!(of("def f(x):\n    yield x\n"), None);
        assert_eq!(of("async def f(x):\n    return x\n"), None);
        assert_eq!(of("f = lambda x: x\n"), None);
        assert_eq!(of("def f(x)\n"), None);
        assert_eq!(of("def f(x): return x\n").unwrap().header, 1);
        // The later definition is the one in force.
        assert_eq!(of("def f(x):\n    return 1\ndef f(x):\n    return 2\n").unwrap().lines[0].first, 4);
    }

    proptest! {
        #[test]
        fn lines_lie_within_the_text(text in "(def f\\(x\\):\n|    x = 1\n|    if x:\n|        x = 2\n|    return x\n|    for y in x:\n){0,12}") {
            if let Some(found) = outline(&text, "f", PythonVersion::default()) {
                let count = text.lines().count();
                prop_assert!(found.lines.iter().all(|line| line.first <= line.last && line.last <= count));
            }
        }
    }
}
