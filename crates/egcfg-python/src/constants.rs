//! The values of expressions in which nothing can vary: literals, their comparisons and what joins them.

use ruff_python_ast::{BoolOp, CmpOp, Expr, Number, UnaryOp};

/// The value of a literal, as far as two of them can be compared. `True` is 1, as in Python.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value<'a> {
    None,
    Number(f64),
    Text(&'a str),
}

/// Integers up to here are exact as floating-point numbers.
const EXACT: i64 = 1 << 53;

/// The value of a literal.
pub(crate) fn constant(expr: &Expr) -> Option<Value<'_>> {
    match expr {
        Expr::NoneLiteral(_) => Some(Value::None),
        Expr::BooleanLiteral(literal) => Some(Value::Number(f64::from(u8::from(literal.value)))),
        Expr::StringLiteral(text) => Some(Value::Text(text.value.to_str())),
        Expr::NumberLiteral(number) => match &number.value {
            Number::Int(value) => {
                value.as_i64().filter(|value| *value < EXACT).map(|value| Value::Number(value as f64))
            }
            Number::Float(value) => Some(Value::Number(*value)),
            Number::Complex { .. } => None,
        },
        Expr::UnaryOp(minus) if minus.op == UnaryOp::USub => match constant(&minus.operand)? {
            Value::Number(value) => Some(Value::Number(-value)),
            _ => None,
        },
        _ => None,
    }
}

/// The truth of what cannot vary.
pub(crate) fn truth(expr: &Expr) -> Option<bool> {
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
        // Tests run without -O.
        Expr::Name(name) if name.id == "__debug__" => Some(true),
        Expr::Name(name) if name.id == "TYPE_CHECKING" => Some(false),
        Expr::List(list) if list.elts.is_empty() => Some(false),
        Expr::Tuple(tuple) if tuple.elts.is_empty() => Some(false),
        Expr::Dict(dict) if dict.items.is_empty() => Some(false),
        Expr::UnaryOp(not) if not.op == UnaryOp::Not => truth(&not.operand).map(|value| !value),
        Expr::BoolOp(joined) => {
            // One part decides, or all parts are known.
            let decides = joined.op == BoolOp::Or;
            let parts: Vec<Option<bool>> = joined.values.iter().map(truth).collect();
            if parts.contains(&Some(decides)) {
                return Some(decides);
            }
            parts.iter().all(Option::is_some).then_some(!decides)
        }
        Expr::If(choice) => truth(if truth(&choice.test)? { &choice.body } else { &choice.orelse }),
        Expr::Compare(pair) => {
            let rights = pair.comparators.iter().map(constant).collect::<Option<Vec<_>>>()?;
            let lefts = std::iter::once(constant(&pair.left)?).chain(rights.iter().copied());
            let found: Option<Vec<bool>> = lefts
                .zip(&pair.ops)
                .zip(&rights)
                .map(|((left, op), right)| compare(left, *op, *right))
                .collect();
            Some(found?.iter().all(|holds| *holds))
        }
        _ => None,
    }
}

fn compare(left: Value<'_>, op: CmpOp, right: Value<'_>) -> Option<bool> {
    let order = match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.partial_cmp(&right),
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        _ => None,
    };
    match op {
        CmpOp::Eq | CmpOp::Is => Some(left == right),
        CmpOp::NotEq | CmpOp::IsNot => Some(left != right),
        CmpOp::Lt => Some(order?.is_lt()),
        CmpOp::LtE => Some(order?.is_le()),
        CmpOp::Gt => Some(order?.is_gt()),
        CmpOp::GtE => Some(order?.is_ge()),
        CmpOp::In | CmpOp::NotIn => None,
    }
}
