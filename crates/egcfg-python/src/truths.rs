//! What can be said of an expression without running it: that it is always true, never entered, empty, or hides failed asserts.

use ruff_python_ast::{BoolOp, Expr, Number, UnaryOp};

/// Why an assert of this expression cannot fail, and what to write instead.
pub(crate) fn always(expr: &Expr, entry_point: &str) -> Option<(&'static str, &'static str)> {
    const TRUE: (&str, &str) = ("asserts a constant", "compare what the program returns");
    match expr {
        Expr::Tuple(tuple) if !tuple.elts.is_empty() => Some((
            "asserts a tuple, which is always true",
            "take the parentheses away: `assert a == b, \"message\"`",
        )),
        Expr::List(list) if list.elts.iter().any(|item| !item.is_starred_expr()) => Some(TRUE),
        Expr::Set(set) if set.elts.iter().any(|item| !item.is_starred_expr()) => Some(TRUE),
        Expr::Dict(dict) if dict.items.iter().any(|item| item.key.is_some()) => Some(TRUE),
        Expr::Lambda(_) => {
            Some(("asserts a function, which is always true", "call it and compare what it returns"))
        }
        Expr::Name(name) if name.id == entry_point || name.id == "candidate" => {
            Some(("asserts the function itself, which is always true", "call it and compare what it returns"))
        }
        Expr::BoolOp(either) if either.op == BoolOp::Or => {
            either.values.iter().any(|value| truth(value) == Some(true)).then_some(TRUE)
        }
        Expr::BoolOp(both) => {
            both.values.iter().all(|value| always(value, entry_point).is_some()).then_some(TRUE)
        }
        _ => (truth(expr) == Some(true)).then_some(TRUE),
    }
}

/// The truth of a constant.
fn truth(expr: &Expr) -> Option<bool> {
    match expr {
        Expr::BooleanLiteral(literal) => Some(literal.value),
        Expr::NoneLiteral(_) => Some(false),
        Expr::EllipsisLiteral(_) => Some(true),
        Expr::StringLiteral(text) => Some(!text.value.is_empty()),
        Expr::BytesLiteral(bytes) => Some(!bytes.value.is_empty()),
        Expr::NumberLiteral(number) => match &number.value {
            Number::Int(value) => Some(value.as_u64() != Some(0)),
            Number::Float(value) => Some(*value != 0.0),
            Number::Complex { real, imag } => Some(*real != 0.0 || *imag != 0.0),
        },
        Expr::UnaryOp(not) if not.op == UnaryOp::Not => truth(&not.operand).map(|value| !value),
        _ => None,
    }
}

/// Whether a branch is never entered. A test never runs as `__main__`.
pub(crate) fn never(expr: &Expr) -> bool {
    let is_main =
        |expr: &Expr| matches!(expr, Expr::StringLiteral(text) if text.value.to_str() == "__main__");
    if let Expr::Compare(pair) = expr
        && matches!(pair.left.as_ref(), Expr::Name(name) if name.id == "__name__")
        && matches!(&*pair.ops, [ruff_python_ast::CmpOp::Eq])
    {
        return pair.comparators.iter().any(is_main);
    }
    truth(expr) == Some(false)
}

/// Whether a loop over it never runs.
pub(crate) fn is_empty(expr: &Expr) -> bool {
    match expr {
        Expr::List(list) => list.elts.is_empty(),
        Expr::Tuple(tuple) => tuple.elts.is_empty(),
        Expr::Dict(dict) => dict.items.is_empty(),
        Expr::StringLiteral(text) => text.value.is_empty(),
        _ => false,
    }
}

/// `contextlib.suppress(AssertionError)` and the like.
pub(crate) fn suppresses(expr: &Expr) -> bool {
    let Expr::Call(call) = expr else { return false };
    let name = match call.func.as_ref() {
        Expr::Name(name) => name.id.as_str(),
        Expr::Attribute(attribute) => attribute.attr.as_str(),
        _ => "",
    };
    name == "suppress" && call.arguments.args.iter().any(takes_asserts)
}

/// Whether a handler of this kind takes a failed assert.
pub(crate) fn takes_asserts(kind: &Expr) -> bool {
    match kind {
        Expr::Name(name) => ["AssertionError", "Exception", "BaseException"].contains(&name.id.as_str()),
        Expr::Tuple(tuple) => tuple.elts.iter().any(takes_asserts),
        _ => false,
    }
}
