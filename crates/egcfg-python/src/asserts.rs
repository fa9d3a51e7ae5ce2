//! Splits a test's assert into the tested call and what is expected of it.

use ruff_python_ast::statement_visitor::{StatementVisitor, walk_stmt};
use ruff_python_ast::{BoolOp, CmpOp, Expr, ExprCompare, Operator, Stmt, StmtAssert, UnaryOp};
use ruff_text_size::{Ranged, TextRange};

use crate::calls::tested_call;
use crate::lines;
use crate::parse::{is_expression, with_module};
use crate::version::PythonVersion;

/// Tests are read with the newest syntax: they come from data, not from the model.
pub(crate) const NEWEST: PythonVersion = PythonVersion { major: 3, minor: 14 };

/// How an assert compares the call's value with the expected one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `==`, also through a function around both sides (`set(f(x)) == set(y)`).
    Equal,
    /// `is`.
    Identical,
    /// `math.isclose`, `abs(f(x) - y) < tolerance` and their like.
    Close,
    /// The call's value must be true.
    True,
    /// The call's value must be false.
    False,
    /// Anything else.
    Other,
}

/// An assert, taken apart. All texts are expressions in Python's syntax.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssertParts {
    /// The tested call.
    pub call: String,
    /// The function (or class) that it calls.
    pub function: Option<String>,
    /// What its value is compared with; `True` or `False` where the assert has nothing but the call.
    pub expected: Option<String>,
    /// How it is compared.
    pub comparison: Comparison,
}

/// Takes the first assert of `test` apart. The tested call is the first call of `entry_point`, or without one the first
/// call of something that is not Python's own (failing that, the first call). `None` when there is no assert or no such call in it.
///
/// ```
/// use egcfg_python::{Comparison, split_assert};
///
/// let parts = split_assert("assert set(pairs([1, 2])) == {(1, 2)}, 'two numbers'", None).unwrap();
/// assert_eq!(parts.call, "pairs([1, 2])");
/// assert_eq!(parts.expected.as_deref(), Some("{(1, 2)}"));
/// assert_eq!(parts.comparison, Comparison::Equal);
/// ```
pub fn split_assert(test: &str, entry_point: Option<&str>) -> Option<AssertParts> {
    let test = lines::unix_newlines(test);
    with_module(&dedented(&test), NEWEST, |parsed| {
        let mut asserts = Asserts::default();
        asserts.visit_body(parsed.suite());
        let source = dedented(&test);
        asserts.found.into_iter().find_map(|found| split(&source, &found.test, entry_point))
    })
    .ok()?
}

/// A test without the indentation that all its lines share with the first.
pub(crate) fn dedented(test: &str) -> String {
    let first = test.split('\n').find(|line| !lines::is_blank(line)).unwrap_or_default();
    let indentation = lines::indentation(first);
    if indentation.is_empty() {
        return test.to_owned();
    }
    let strip = |line: &str| line.strip_prefix(indentation).unwrap_or(line).to_owned();
    test.split('\n').map(strip).collect::<Vec<_>>().join("\n")
}

#[derive(Default)]
struct Asserts<'a> {
    found: Vec<&'a StmtAssert>,
}

impl<'a> StatementVisitor<'a> for Asserts<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        if let Stmt::Assert(found) = stmt {
            self.found.push(found);
        }
        walk_stmt(self, stmt);
    }
}

fn split(source: &str, test: &Expr, entry_point: Option<&str>) -> Option<AssertParts> {
    let call = tested_call(test, entry_point)?;
    let (comparison, expected) = compare(test, call.range);
    let expected = match (comparison, expected) {
        (Comparison::True, None) => Some("True".to_owned()),
        (Comparison::False, None) => Some("False".to_owned()),
        (_, expected) => expected.map(|expr| expression_text(source, expr.range())),
    };
    Some(AssertParts {
        call: expression_text(source, call.range),
        function: Some(call.name.to_owned()),
        expected,
        comparison,
    })
}

/// How `test` compares the call at `call`, and with what.
fn compare(test: &Expr, call: TextRange) -> (Comparison, Option<&Expr>) {
    if test.range() == call {
        return (Comparison::True, None);
    }
    match test {
        Expr::UnaryOp(not) if not.op == UnaryOp::Not && not.operand.range() == call => {
            (Comparison::False, None)
        }
        Expr::BoolOp(both) if both.op == BoolOp::And => {
            let part = both.values.iter().find(|value| value.range().contains_range(call));
            part.map_or((Comparison::Other, None), |part| compare(part, call))
        }
        Expr::Compare(pair) if pair.ops.len() == 1 => compare_pair(pair, call),
        Expr::Call(around) => {
            let name = match around.func.as_ref() {
                Expr::Name(name) => name.id.as_str(),
                Expr::Attribute(attribute) => attribute.attr.as_str(),
                _ => "",
            };
            let mut others =
                around.arguments.args.iter().filter(|argument| !argument.range().contains_range(call));
            match name {
                "isclose" | "allclose" => (Comparison::Close, others.next()),
                "all" | "any" | "bool" => (Comparison::True, None),
                _ => (Comparison::Other, None),
            }
        }
        _ => (Comparison::Other, None),
    }
}

fn compare_pair(pair: &ExprCompare, call: TextRange) -> (Comparison, Option<&Expr>) {
    let (Some(op), Some(right)) = (pair.ops.first(), pair.comparators.first()) else {
        return (Comparison::Other, None);
    };
    let left_tested = pair.left.range().contains_range(call);
    let (tested, other) = if left_tested { (&*pair.left, right) } else { (right, &*pair.left) };
    match op {
        CmpOp::Eq => {
            // `f(x) == pytest.approx(y)` says so on the other side.
            let approximate = matches!(other, Expr::Call(around) if matches!(around.func.as_ref(),
                Expr::Attribute(name) if &name.attr == "approx") || matches!(around.func.as_ref(),
                Expr::Name(name) if name.id == "approx"));
            (if approximate { Comparison::Close } else { Comparison::Equal }, Some(other))
        }
        CmpOp::Is => (Comparison::Identical, Some(other)),
        CmpOp::Lt | CmpOp::LtE | CmpOp::Gt | CmpOp::GtE => match difference(tested, call) {
            Some(expected) => (Comparison::Close, Some(expected)),
            None => (Comparison::Other, Some(other)),
        },
        _ => (Comparison::Other, Some(other)),
    }
}

/// The other operand of `abs(f(x) - y)`.
fn difference(expr: &Expr, call: TextRange) -> Option<&Expr> {
    let Expr::Call(abs) = expr else { return None };
    let [Expr::BinOp(minus)] = &*abs.arguments.args else { return None };
    if minus.op != Operator::Sub {
        return None;
    }
    Some(if minus.left.range().contains_range(call) { &*minus.right } else { &*minus.left })
}

/// The source of an expression, in parentheses where it cannot stand alone.
fn expression_text(source: &str, range: TextRange) -> String {
    let text = &source[range];
    if !text.contains('\n') || is_expression(text) { text.to_owned() } else { format!("({text})") }
}
