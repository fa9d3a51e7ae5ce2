//! An answer that is a program from its first word to its last, without a fence around it. That it is valid Python says little:
//! `Sorry`, `Yes, sure` and `Answer: unknown` are valid too. So it must do something, and no statement of it may read as words.

use std::borrow::Cow;
use std::collections::HashSet;

use ruff_python_ast::{Expr, Stmt};

use crate::bound_names::bound_by;
use crate::lines;
use crate::parse::with_module;
use crate::version::PythonVersion;

/// A program that is all of an answer.
pub(crate) struct Whole {
    /// The program, at the left margin.
    pub(crate) code: String,
    /// What its statements bind at the top level.
    names: HashSet<String>,
}

impl Whole {
    /// Whether it gives a name a value, be it `f = lambda x: ...`.
    pub(crate) fn binds(&self, name: &str) -> bool {
        self.names.contains(name)
    }
}

/// The answer as a program, where all of it is one. A blank before its first line (a prompt's end, cut elsewhere than tokens are) or
/// before every line is no part of it.
pub(crate) fn whole_program(answer: &str) -> Option<Whole> {
    // At most one of the two is Python, unless nothing is indented.
    let trimmed = Cow::Borrowed(answer.trim());
    [trimmed, Cow::Owned(dedented(answer))].into_iter().find_map(|code| {
        let names =
            with_module(&code, PythonVersion::default(), |parsed| names_of(parsed.suite())).ok()??;
        Some(Whole { code: code.into_owned(), names })
    })
}

/// The text without the white space that all of its lines begin with.
pub(crate) fn dedented(text: &str) -> String {
    let written = || text.split('\n').filter(|line| !lines::is_blank(line));
    let margin = written().map(lines::indentation).min_by_key(|margin| margin.len()).unwrap_or_default();
    let dedented = text.split('\n').map(|line| line.strip_prefix(margin).unwrap_or(line));
    dedented.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// What a suite binds; nothing where it reads as words, or does nothing.
fn names_of(suite: &[Stmt]) -> Option<HashSet<String>> {
    if suite.iter().any(is_prose) || !suite.iter().any(acts) {
        return None;
    }
    let mut names = HashSet::new();
    for stmt in suite {
        bound_by(stmt, &mut names);
    }
    Some(names)
}

/// A statement that has no effect but to be read: `Sorry`, `Yes, sure`, `this is it`, `Answer: unknown`. A text in quotes may be a
/// program's own description.
fn is_prose(stmt: &Stmt) -> bool {
    match stmt {
        Stmt::Expr(stmt) => !stmt.value.is_string_literal_expr() && is_idle(&stmt.value),
        Stmt::AnnAssign(assign) => assign.value.is_none(),
        _ => false,
    }
}

fn acts(stmt: &Stmt) -> bool {
    !matches!(stmt, Stmt::Pass(_)) && !matches!(stmt, Stmt::Expr(stmt) if is_idle(&stmt.value))
}

/// Whether an expression only names and joins things; anything that is called, made or awaited may do something.
fn is_idle(expr: &Expr) -> bool {
    match expr {
        Expr::Name(_)
        | Expr::StringLiteral(_)
        | Expr::NumberLiteral(_)
        | Expr::BooleanLiteral(_)
        | Expr::NoneLiteral(_)
        | Expr::EllipsisLiteral(_) => true,
        Expr::Attribute(attribute) => is_idle(&attribute.value),
        Expr::Subscript(subscript) => is_idle(&subscript.value) && is_idle(&subscript.slice),
        Expr::UnaryOp(op) => is_idle(&op.operand),
        Expr::BinOp(op) => is_idle(&op.left) && is_idle(&op.right),
        Expr::BoolOp(op) => op.values.iter().all(is_idle),
        Expr::Compare(compare) => is_idle(&compare.left) && compare.comparators.iter().all(is_idle),
        Expr::If(branch) => is_idle(&branch.test) && is_idle(&branch.body) && is_idle(&branch.orelse),
        Expr::Tuple(tuple) => tuple.elts.iter().all(is_idle),
        Expr::List(list) => list.elts.iter().all(is_idle),
        Expr::Set(set) => set.elts.iter().all(is_idle),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::whole_program;

    #[test]
    fn a_program_is_taken_as_it_is() {
        for (answer, code) in [
            ("n=int(input())\nprint(n+1)\n", "n=int(input())\nprint(n+1)"),
            (" def f(x): return x+1", "def f(x): return x+1"),
            (" import sys\nprint(sys.argv)\n", "import sys\nprint(sys.argv)"),
            ("\n  for i in 'ab':\n      print(i)\n\n  print()\n", "for i in 'ab':\n    print(i)\n\nprint()"),
            (
                "'''Adds.'''\nprint(sum(map(int, input().split())))",
                "'''Adds.'''\nprint(sum(map(int, input().split())))",
            ),
            ("# read\n[print(i) for i in range(3)]", "# read\n[print(i) for i in range(3)]"),
        ] {
            assert_eq!(whole_program(answer).map(|whole| whole.code).as_deref(), Some(code), "{answer:?}");
        }
        assert!(whole_program(" f = lambda x: x + 1\n").unwrap().binds("f"));
    }

    #[test]
    fn words_are_no_program() {
        for answer in [
            "",
            "Sorry",
            "Yes, sure",
            "this is it",
            "I cannot.",
            "Answer: unknown",
            "Answer: this\n\ndef f(x):\n    return x\n",
            "'It cannot be done.'",
            "42",
            "...",
            "pass",
            "# I do not know",
            "not sure",
            "Done\nprint(1)",
            "Here it is:\nprint(1)",
        ] {
            assert!(whole_program(answer).is_none(), "{answer:?}");
        }
    }
}
