//! What can be said of an expression without running it: that it is always true, never entered, empty, or hides failed asserts.

use std::collections::HashSet;

use ruff_python_ast::comparable::ComparableExpr;
use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, walk_expr};
use ruff_python_ast::{
    BoolOp, CmpOp, Expr, ExprCall, ExprCompare, ExprGenerator, ExprList, ExprListComp, ExprTuple,
    FStringPart, InterpolatedStringElement, Operator, UnaryOp,
};

use crate::constants::{Value, constant, truth};

/// Why an assert cannot fail, and what to write instead.
pub(crate) type Hollow = (&'static str, &'static str);

const TRUE: Hollow = ("asserts a constant", "compare what the program returns");
const TEXT: Hollow = ("asserts a text that is never empty", "compare what the program returns, not its text");
const FUNCTION: Hollow =
    ("asserts the function itself, which is always true", "call it and compare what it returns");

/// What is known of the names in an expression.
pub(crate) struct Truths<'a> {
    pub(crate) entry_point: &'a str,
    /// Functions that do nothing until somebody awaits or iterates what they return.
    pub(crate) lazy: &'a HashSet<String>,
    /// What the test defines itself.
    pub(crate) defined: &'a HashSet<String>,
}

impl Truths<'_> {
    /// Why an assert of this expression cannot fail.
    pub(crate) fn always(&self, expr: &Expr) -> Option<Hollow> {
        match expr {
            Expr::Tuple(tuple) if !tuple.elts.is_empty() => Some((
                "asserts a tuple, which is always true",
                "take the parentheses away: `assert a == b, \"message\"`",
            )),
            Expr::List(list) if has_item(&list.elts) => Some(TRUE),
            Expr::Set(set) if has_item(&set.elts) => Some(TRUE),
            Expr::Dict(dict) if dict.items.iter().any(|item| item.key.is_some()) => Some(TRUE),
            Expr::Lambda(_) => {
                Some(("asserts a function, which is always true", "call it and compare what it returns"))
            }
            Expr::Generator(_) => Some((
                "asserts a generator, which is always true and runs nothing",
                "write `assert all(...)` around it",
            )),
            Expr::FString(text) => text.value.iter().any(has_text).then_some(TEXT),
            Expr::Name(_) if self.is_program(expr) => Some(FUNCTION),
            Expr::Named(named) => self.always(&named.value),
            Expr::If(choice) => match truth(&choice.test) {
                Some(true) => self.always(&choice.body),
                Some(false) => self.always(&choice.orelse),
                None => self.always(&choice.body).and(self.always(&choice.orelse)),
            },
            Expr::BoolOp(either) if either.op == BoolOp::Or => {
                either.values.iter().any(|value| self.always(value).is_some()).then_some(TRUE)
            }
            Expr::BoolOp(both) => {
                both.values.iter().all(|value| self.always(value).is_some()).then_some(TRUE)
            }
            Expr::BinOp(either) if either.op == Operator::BitOr => {
                [&either.left, &either.right].iter().any(|side| truth(side) == Some(true)).then_some(TRUE)
            }
            Expr::Call(call) => self.always_call(call),
            Expr::Compare(pair) => self.always_compare(pair),
            _ => None,
        }
        .or_else(|| (truth(expr) == Some(true)).then_some(TRUE))
    }

    fn is_program(&self, expr: &Expr) -> bool {
        matches!(expr, Expr::Name(name) if name.id == self.entry_point || name.id == "candidate")
    }

    /// Whether a name is Python's own here.
    fn is_builtin(&self, name: &str) -> bool {
        name != self.entry_point && !self.defined.contains(name)
    }

    fn always_call(&self, call: &ExprCall) -> Option<Hollow> {
        let Expr::Name(func) = call.func.as_ref() else { return None };
        let name = func.id.as_str();
        if self.lazy.contains(name) {
            return Some((
                "asserts a coroutine or generator, which is always true and runs nothing",
                "await it, as in `asyncio.run(...)`, or iterate over it",
            ));
        }
        if !self.is_builtin(name) {
            return None;
        }
        match (name, &*call.arguments.args) {
            ("len" | "list" | "tuple" | "set" | "frozenset" | "dict" | "sorted", [Expr::List(of)]) => {
                has_item(&of.elts).then_some(TRUE)
            }
            ("len" | "list" | "tuple" | "set" | "frozenset" | "sorted", [Expr::Tuple(of)]) => {
                has_item(&of.elts).then_some(TRUE)
            }
            ("bool", [of]) => self.always(of),
            (
                "all",
                [
                    Expr::Generator(ExprGenerator { generators, .. })
                    | Expr::ListComp(ExprListComp { generators, .. }),
                ],
            ) if generators.iter().any(|of| is_empty(&of.iter)) => {
                Some(("asserts all of nothing, which is always true", "give the loop something to run over"))
            }
            ("all", [of]) if is_empty(of) => Some(TRUE),
            ("map" | "filter" | "zip" | "enumerate" | "reversed" | "iter", [_, ..]) => Some((
                "asserts an iterator, which is always true",
                "write `assert all(...)` around it, or compare its `list(...)`",
            )),
            ("repr" | "ascii" | "type", [_]) => Some(TRUE),
            ("str" | "format", [of, ..]) => is_answer(of).then_some(TEXT),
            ("any", [Expr::List(ExprList { elts, .. }) | Expr::Tuple(ExprTuple { elts, .. })]) => {
                elts.iter().any(|of| self.always(of).is_some()).then_some(TRUE)
            }
            ("all", [Expr::List(ExprList { elts, .. }) | Expr::Tuple(ExprTuple { elts, .. })]) => {
                elts.iter().all(|of| self.always(of).is_some()).then_some(TRUE)
            }
            ("isinstance", [_, Expr::Name(kind)]) if kind.id == "object" => Some(TRUE),
            _ => None,
        }
    }

    fn always_compare(&self, pair: &ExprCompare) -> Option<Hollow> {
        let ([op], [right]) = (&*pair.ops, &*pair.comparators) else { return None };
        let left = &*pair.left;
        if matches!(op, CmpOp::Eq | CmpOp::LtE | CmpOp::GtE)
            && ComparableExpr::from(left) == ComparableExpr::from(right)
            && self.is_repeatable(left)
        {
            return Some(("compares a thing with itself", "compare with what the program should return"));
        }
        // `f is not None`: the function is there, whatever it returns.
        let none = matches!(constant(right), Some(Value::None));
        (none && matches!(op, CmpOp::NotEq | CmpOp::IsNot) && self.is_program(left)).then_some(FUNCTION)
    }

    /// Whether an expression is the program, or a call of it that comes out the same the second time unless the program itself is
    /// at odds: the program is no class with an equality of its own, and is called on constants. An iterator or an argument
    /// that the program may change has a name. What stands around a call is left in peace: public data has such tests.
    fn is_repeatable(&self, expr: &Expr) -> bool {
        struct Used<'a, 'b> {
            truths: &'a Truths<'b>,
            plain: bool,
        }
        impl<'a> SourceOrderVisitor<'a> for Used<'_, '_> {
            fn visit_expr(&mut self, expr: &'a Expr) {
                match expr {
                    Expr::Name(name) => {
                        let class = name.id.starts_with(|first: char| first.is_uppercase());
                        let pure = PURE.contains(&name.id.as_str()) && self.truths.is_builtin(&name.id);
                        self.plain &= pure || (self.truths.is_program(expr) && !class);
                    }
                    Expr::Attribute(_) | Expr::Await(_) | Expr::Yield(_) | Expr::YieldFrom(_) => {
                        self.plain = false;
                    }
                    _ => {}
                }
                walk_expr(self, expr);
            }
        }
        let asked = if let Expr::Call(call) = expr { &call.func } else { expr };
        if !self.is_program(asked) {
            return false;
        }
        let mut used = Used { truths: self, plain: true };
        used.visit_expr(expr);
        used.plain
    }
}

/// Functions of Python that give the same for the same.
const PURE: [&str; 20] = [
    "abs",
    "bool",
    "bytes",
    "dict",
    "float",
    "frozenset",
    "int",
    "len",
    "list",
    "max",
    "min",
    "repr",
    "round",
    "set",
    "sorted",
    "str",
    "sum",
    "tuple",
    "range",
    "type",
];

/// Whether a literal has an item for certain.
fn has_item(items: &[Expr]) -> bool {
    items.iter().any(|item| !item.is_starred_expr())
}

/// Whether a part of an f-string has text whatever is put into it.
fn has_text(part: &FStringPart) -> bool {
    match part {
        FStringPart::Literal(text) => !text.value.is_empty(),
        FStringPart::FString(text) => text.elements.iter().any(|element| match element {
            InterpolatedStringElement::Literal(text) => !text.value.is_empty(),
            InterpolatedStringElement::Interpolation(of) => {
                of.debug_text.is_some() || is_answer(&of.expression)
            }
        }),
    }
}

/// Whether an expression comes out as true or false, which as a text is never empty.
fn is_answer(expr: &Expr) -> bool {
    match expr {
        Expr::Compare(_) | Expr::BooleanLiteral(_) => true,
        Expr::UnaryOp(unary) => unary.op == UnaryOp::Not,
        _ => false,
    }
}

/// Whether a branch is never entered.
pub(crate) fn never(expr: &Expr) -> bool {
    truth(expr) == Some(false)
}

/// Whether a loop over it never runs.
pub(crate) fn is_empty(expr: &Expr) -> bool {
    match expr {
        Expr::List(list) => list.elts.is_empty(),
        Expr::Tuple(tuple) => tuple.elts.is_empty(),
        Expr::Dict(dict) => dict.items.is_empty(),
        Expr::StringLiteral(text) => text.value.is_empty(),
        Expr::BytesLiteral(bytes) => bytes.value.is_empty(),
        Expr::Call(call) if call.arguments.keywords.is_empty() => {
            let Expr::Name(func) = call.func.as_ref() else { return false };
            match (func.id.as_str(), &*call.arguments.args) {
                ("list" | "tuple" | "set" | "dict" | "frozenset", []) => true,
                ("range", [end]) => matches!(constant(end), Some(Value::Number(end)) if end <= 0.0),
                _ => false,
            }
        }
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
