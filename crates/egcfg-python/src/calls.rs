//! Which call in an expression is the tested one.

use ruff_python_ast::Expr;
use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, walk_expr};
use ruff_text_size::{Ranged, TextRange};

/// Functions and types that a test calls around the tested one.
const BUILTINS: [&str; 52] = [
    "abs",
    "all",
    "any",
    "ascii",
    "bin",
    "bool",
    "bytearray",
    "bytes",
    "callable",
    "chr",
    "complex",
    "dict",
    "dir",
    "divmod",
    "enumerate",
    "eval",
    "exec",
    "filter",
    "float",
    "format",
    "frozenset",
    "getattr",
    "hasattr",
    "hash",
    "hex",
    "id",
    "input",
    "int",
    "isinstance",
    "issubclass",
    "iter",
    "len",
    "list",
    "map",
    "max",
    "min",
    "next",
    "object",
    "oct",
    "open",
    "ord",
    "pow",
    "print",
    "range",
    "repr",
    "reversed",
    "round",
    "set",
    "sorted",
    "str",
    "sum",
    "super",
];
const MORE_BUILTINS: [&str; 24] = [
    "classmethod",
    "compile",
    "delattr",
    "globals",
    "locals",
    "memoryview",
    "property",
    "setattr",
    "staticmethod",
    "__import__",
    "tuple",
    "type",
    "vars",
    "zip",
    "isclose",
    "allclose",
    "approx",
    "Counter",
    "OrderedDict",
    "defaultdict",
    "deque",
    "Decimal",
    "Fraction",
    "deepcopy",
];
/// Modules whose functions a test calls around the tested one.
const MODULES: [&str; 26] = [
    "math",
    "cmath",
    "np",
    "numpy",
    "pd",
    "pandas",
    "re",
    "os",
    "sys",
    "itertools",
    "functools",
    "collections",
    "operator",
    "json",
    "random",
    "string",
    "datetime",
    "statistics",
    "copy",
    "decimal",
    "fractions",
    "unittest",
    "pytest",
    "torch",
    "heapq",
    "time",
];

/// One call in an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FoundCall<'a> {
    /// The name that the whole chain starts with: `f` in `f(1)`, `Queue` in `Queue(3).pop()`.
    pub(crate) name: &'a str,
    /// The whole chain up to its last call.
    pub(crate) range: TextRange,
}

/// Every call chain in an expression that could be a tested call, in source order, outer ones first.
pub(crate) fn tested_calls(expr: &Expr) -> Vec<FoundCall<'_>> {
    let mut finder = Finder { calls: Vec::new() };
    finder.visit_expr(expr);
    finder.calls
}

/// The first call of `entry_point`, or without one the first call of a name that is not Python's own,
/// or the first call.
pub(crate) fn tested_call<'a>(expr: &'a Expr, entry_point: Option<&str>) -> Option<FoundCall<'a>> {
    let calls = tested_calls(expr);
    match entry_point {
        Some(name) => calls.into_iter().find(|call| call.name == name),
        // A task may ask for a function with the name of Python's own.
        None => calls.iter().find(|call| !is_helper(call.name)).or(calls.first()).copied(),
    }
}

/// Whether a name belongs to Python or its library rather than to a task.
pub(crate) fn is_helper(name: &str) -> bool {
    BUILTINS.contains(&name) || MORE_BUILTINS.contains(&name) || MODULES.contains(&name)
}

struct Finder<'a> {
    calls: Vec<FoundCall<'a>>,
}

impl<'a> SourceOrderVisitor<'a> for Finder<'a> {
    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Call(call) = expr
            && let Some(name) = chain_start(&call.func)
        {
            // The inner calls of one chain (`a(1).b(2)`) are part of it.
            let known =
                self.calls.iter().any(|found| found.range.start() == expr.start() && found.name == name);
            if !known {
                self.calls.push(FoundCall { name, range: expr.range() });
            }
        }
        walk_expr(self, expr);
    }
}

/// The name that a chain of attributes, calls and subscripts starts with.
fn chain_start(mut expr: &Expr) -> Option<&str> {
    loop {
        match expr {
            Expr::Name(name) => return Some(&name.id),
            Expr::Attribute(attribute) => expr = &attribute.value,
            Expr::Call(call) => expr = &call.func,
            Expr::Subscript(subscript) => expr = &subscript.value,
            _ => return None,
        }
    }
}
