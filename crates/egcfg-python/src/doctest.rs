//! The worked examples of a docstring or task text: calls with the value they should give.
//!
//! Two ways of writing them are read: interpreter sessions (`>>> f(1)` with the value on the next lines), and calls in
//! running text with a mark between call and value (`f(1) == 2`, `f(1) => 2`, `f(1) ➞ 2`, `f(1) should return 2`).

use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, walk_expr};
use ruff_python_ast::{Expr, Stmt};

use crate::calls::tested_call;
use crate::lines;
use crate::parse::{is_expression, with_expression};

/// Lines and sessions longer than this (in bytes) are not searched: trying where a value ends costs a parse each time.
const LONGEST: usize = 2_000;

/// One worked example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The call, as an expression.
    pub call: String,
    /// The value that it should give, as an expression.
    pub expected: String,
}

impl Example {
    /// The example as an assert statement.
    pub fn to_assert(&self) -> String {
        let loose = with_expression(&self.call, true, |expr| !matches!(expr, Expr::Call(_))).unwrap_or(true);
        let call = if loose { format!("({})", self.call) } else { self.call.clone() };
        let tuple = with_expression(&self.expected, true, is_loose).unwrap_or(true);
        let expected = if tuple { format!("({})", self.expected) } else { self.expected.clone() };
        format!("assert {call} == {expected}")
    }
}

/// Whether an expression must stand in parentheses after `==`.
fn is_loose(expr: &Expr) -> bool {
    match expr {
        Expr::Tuple(tuple) => !tuple.parenthesized,
        Expr::BoolOp(_) | Expr::Compare(_) | Expr::If(_) | Expr::Lambda(_) | Expr::Named(_) => true,
        Expr::UnaryOp(unary) => unary.op == ruff_python_ast::UnaryOp::Not,
        _ => false,
    }
}

/// The examples that call `entry_point` in a docstring, a program with docstrings, or a task's text; each once, in order.
/// Only those whose two sides are expressions.
///
/// ```
/// use egcfg_python::doctest_examples;
///
/// let text = "Doubles a number.\n>>> double(2)\n4\ndouble(3) => 6";
/// let asserts: Vec<String> = doctest_examples(text, "double").iter().map(|example| example.to_assert()).collect();
/// assert_eq!(asserts, ["assert double(2) == 4", "assert double(3) == 6"]);
/// ```
pub fn doctest_examples(text: &str, entry_point: &str) -> Vec<Example> {
    let text = lines::unix_newlines(text);
    let all: Vec<&str> = text.split('\n').collect();
    let mut examples = Vec::new();
    let mut index = 0;
    while index < all.len() {
        let line = all[index].trim();
        let example = if let Some(prompt) = line.strip_prefix(">>>") {
            let (example, used) = session(prompt, &all[index + 1..], entry_point);
            index += used;
            example
        } else {
            inline(line, entry_point)
        };
        if let Some(example) = example
            && !examples.contains(&example)
        {
            examples.push(example);
        }
        index += 1;
    }
    examples
}

/// An interpreter session's example, and how many of the following lines belong to it.
fn session(prompt: &str, following: &[&str], entry_point: &str) -> (Option<Example>, usize) {
    let continued = following.iter().take_while(|line| line.trim_start().starts_with("...")).count();
    let mut call = prompt.trim().to_owned();
    for line in &following[..continued] {
        call.push('\n');
        call.push_str(line.trim_start().trim_start_matches("...").trim());
    }
    let output = following[continued..].iter().map(|line| line.trim());
    let output: Vec<&str> = output.take_while(|line| !is_session_end(line)).collect();
    // The value may share its last line with the closing quotes, or the call's line with a mark.
    let joined = output.join("\n");
    let joined = joined.trim_end_matches("\"\"\"").trim_end_matches("'''").trim();
    if call.len() + joined.len() > LONGEST {
        return (None, continued + output.len());
    }
    let call = without_comment(&call);
    // Prose often follows the value without a blank line between: the longest run of lines that is an expression counts.
    let ends = joined.match_indices('\n').map(|(index, _)| index).rev();
    let expected =
        std::iter::once(joined.len()).chain(ends).map(|end| &joined[..end]).find(|text| is_expression(text));
    let used = continued + expected.map_or(0, |expected| expected.split('\n').count());
    let example = expected
        .filter(|_| calls(call, entry_point))
        .map(|expected| Example { call: call.to_owned(), expected: expected.to_owned() });
    let example = example.or_else(|| inline(prompt.trim(), entry_point));
    (example, used)
}

fn is_session_end(line: &str) -> bool {
    line.is_empty() || line.starts_with(">>>") || line == "\"\"\"" || line == "'''"
}

/// Whether a text is an expression that calls the entry point.
fn calls(text: &str, entry_point: &str) -> bool {
    with_expression(text, true, |expr| tested_call(expr, Some(entry_point)).is_some()).unwrap_or(false)
}

/// A line without a trailing comment, where the rest is an expression.
fn without_comment(text: &str) -> &str {
    let cut = text.rfind('#').map(|index| text[..index].trim_end());
    cut.filter(|cut| is_expression(text) && is_expression(cut)).unwrap_or(text)
}

/// Marks between a call and its value, the longer ones first.
const MARKS: [&str; 22] = [
    "should be equal to",
    "should return",
    "should equal",
    "should give",
    "should be",
    "will return",
    "must return",
    "evaluates to",
    "is equal to",
    "returns",
    "return",
    "gives",
    "equals",
    "===",
    "==>",
    "-->",
    "==",
    "=>",
    "->",
    "➞",
    "→",
    "=",
];

/// An example within a line of text.
fn inline(line: &str, entry_point: &str) -> Option<Example> {
    if line.len() > LONGEST {
        return None;
    }
    let mut from = 0;
    while let Some(found) = line[from..].find(entry_point) {
        let start = from + found;
        from = start + entry_point.len();
        let own_word = !line[..start].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.');
        if !own_word || !line[from..].starts_with('(') {
            continue;
        }
        let Some(length) = call_length(&line[start..]) else { continue };
        let call = &line[start..start + length];
        let rest = line[start + length..].trim_start().trim_start_matches(['`', '#', ' ', ':', ',']);
        let Some(rest) = MARKS.iter().find_map(|mark| rest.strip_prefix(mark)) else { continue };
        let rest = rest.trim_start_matches([':', ' ', '>']).trim();
        if calls(call, entry_point)
            && has_plain_arguments(call)
            && let Some(expected) = value_in(rest)
        {
            return Some(Example { call: call.to_owned(), expected });
        }
    }
    None
}

/// Whether a call's arguments are values: `f(n) = n + 1` is a definition, not an example.
fn has_plain_arguments(call: &str) -> bool {
    let plain = |expr: &Expr| {
        let mut names = Names { foreign: false };
        if let Expr::Call(call) = expr {
            names.visit_arguments(&call.arguments);
        }
        !names.foreign
    };
    with_expression(call, false, plain).unwrap_or(false)
}

/// The length of the call that a text begins with: up to the bracket that closes its first one.
fn call_length(text: &str) -> Option<usize> {
    let ends = text.match_indices(')').map(|(index, _)| index + 1);
    ends.into_iter()
        .find(|end| with_expression(&text[..*end], false, |expr| matches!(expr, Expr::Call(_))) == Some(true))
}

/// The value that a text begins with; what follows it may be prose.
fn value_in(text: &str) -> Option<String> {
    let text = text.trim_matches('`').trim();
    let stops = ["#", " because", " since", " (", ", ", "; ", ". ", "`", " and ", " as ", "\"\"\"", "'''"];
    let whole = text.trim_end_matches("\"\"\"").trim_end_matches("'''");
    let cuts = stops.iter().flat_map(|stop| text.match_indices(stop).map(|(index, _)| index));
    let mut ends: Vec<usize> = cuts.collect();
    ends.sort_unstable();
    // A worked computation (`f(19) = 19 - 5 - 6 = 8`) ends in its value.
    let last = whole.rsplit_once(" = ").map(|(_, last)| last);
    let pieces =
        [Some(whole), last].into_iter().flatten().chain(ends.into_iter().rev().map(|end| &text[..end]));
    pieces
        .map(|piece| piece.trim().trim_end_matches(['.', ';', ',', '`']).trim())
        .find(|piece| is_value(piece))
        .map(|piece| without_comment(piece).to_owned())
}

/// Whether a text is an expression that reads as a value rather than as prose: no name but Python's own.
fn is_value(text: &str) -> bool {
    let plain = |expr: &Expr| {
        let mut names = Names { foreign: false };
        names.visit_expr(expr);
        !names.foreign
    };
    with_expression(text, false, plain).unwrap_or(false)
}

struct Names {
    foreign: bool,
}

impl<'a> SourceOrderVisitor<'a> for Names {
    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Name(name) => self.foreign |= !crate::calls::is_helper(&name.id),
            Expr::Attribute(_) | Expr::Lambda(_) | Expr::Named(_) => self.foreign = true,
            _ => walk_expr(self, expr),
        }
    }

    fn visit_stmt(&mut self, _stmt: &'a Stmt) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str, entry_point: &str) -> Vec<(String, String)> {
        doctest_examples(text, entry_point)
            .into_iter()
            .map(|example| (example.call, example.expected))
            .collect()
    }

    fn pair(call: &str, expected: &str) -> (String, String) {
        (call.to_owned(), expected.to_owned())
    }

    #[test]
    fn sessions_of_several_lines() {
        let text = "def f(x):\n    '''Adds.\n    >>> f([1,\n    ...    2])\n    [1,\n     2]\n    >>> x = f(1)\n    >>> g(1)\n    2\n    >>> f('a')  # short\n    'b'\n    and more text\n    '''";
        assert_eq!(pairs(text, "f"), [pair("f([1,\n2])", "[1,\n2]"), pair("f('a')", "'b'")]);
    }

    #[test]
    fn marks_in_running_text() {
        for line in [
            "f(1) == 2",
            "f(1) => 2",
            "* f(1) ➞ 2",
            "f(1) returns 2.",
            "`f(1)` should return `2`",
            "f(1) # => 2",
            "f(1)-> 2",
            "For example: f(1) = 2 because it is so",
            "f(1) == 2 # one more",
            ">>> f(1) == 2",
        ] {
            assert_eq!(pairs(line, "f"), [pair("f(1)", "2")], "{line}");
        }
        assert_eq!(pairs("f(19) -> 19 - 5 - 6 = 8", "f"), [pair("f(19)", "8")]);
        for line in
            ["f(1) returns the next one", "f(x) == y", "off(1) == 2", "self.f(1) == 2", "f(1", "f = 3"]
        {
            assert_eq!(pairs(line, "f"), [], "{line}");
        }
    }

    #[test]
    fn asserts_bind_as_meant() {
        let example = |call: &str, expected: &str| Example { call: call.into(), expected: expected.into() };
        assert_eq!(example("f(1)", "1, 2").to_assert(), "assert f(1) == (1, 2)");
        assert_eq!(example("f(1) == 2", "True").to_assert(), "assert (f(1) == 2) == True");
        assert_eq!(example("f(1)", "not x").to_assert(), "assert f(1) == (not x)");
    }
}
