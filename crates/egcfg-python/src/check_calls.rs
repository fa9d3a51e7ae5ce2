//! Calls in a test that can fail it: by what the called thing is known to do, or by how such things are called.

use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, walk_expr};
use ruff_python_ast::{Expr, ExprCall};

use crate::check_definitions::last_name;
use crate::checked_names::Checks;
use crate::constants::truth;

/// Whether evaluating an expression may fail the test.
pub(crate) fn calls_check(known: &Checks, expr: &Expr) -> bool {
    let mut calls = Calls { known, found: false };
    calls.visit_expr(expr);
    calls.found
}

/// The same for an expression whose value nobody takes: what a call puts off is never done.
pub(crate) fn statement_checks(known: &Checks, expr: &Expr) -> bool {
    let Expr::Call(call) = expr else { return calls_check(known, expr) };
    let lazy = matches!(call.func.as_ref(), Expr::Name(name) if known.lazy.contains(name.id.as_str()));
    let mut calls = Calls { known, found: false };
    if lazy {
        calls.visit_arguments(&call.arguments);
    } else if last_name(&call.func) == Some("submit") {
        // A failure waits in the future that is thrown away.
        calls.visit_expr(&call.func);
    } else {
        calls.visit_expr(expr);
    }
    calls.found
}

/// Looks for a call, or another use, of something that checks.
struct Calls<'a> {
    known: &'a Checks,
    found: bool,
}

impl<'a> SourceOrderVisitor<'a> for Calls<'_> {
    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Name(name) => {
                let collected = self.known.runner && self.known.cases.contains(name.id.as_str());
                self.found |= self.known.checking.contains(name.id.as_str()) && !collected;
            }
            Expr::Call(call) => {
                self.found |= self.checks(call);
                if is_elsewhere(call) {
                    return self.visit_expr(&call.func);
                }
            }
            _ => {}
        }
        walk_expr(self, expr);
    }
}

impl Calls<'_> {
    fn checks(&self, call: &ExprCall) -> bool {
        let keyword = |name: &str| {
            let found =
                call.arguments.keywords.iter().find(|k| k.arg.as_ref().is_some_and(|arg| arg == name));
            found.map(|keyword| truth(&keyword.value))
        };
        let Some(name) = last_name(&call.func) else { return false };
        let of = match call.func.as_ref() {
            Expr::Attribute(attribute) => Some(&*attribute.value),
            _ => None,
        };
        match name {
            // These print what failed, and go on.
            "main" if keyword("exit") == Some(Some(false)) => false,
            "testmod" | "testfile" => keyword("raise_on_error").is_some(),
            // What collects tests keeps their failures in a result; a test called by itself, or in `debug`, raises.
            "run" if self.known.runner => of.and_then(last_name) == Some("asyncio"),
            "debug" if self.known.runner => true,
            _ if self.known.is_check(name) => true,
            _ => of.is_some_and(|of| self.is_case(of)),
        }
    }

    /// Whether it makes an instance of one of the test's `unittest` classes.
    fn is_case(&self, expr: &Expr) -> bool {
        let Expr::Call(call) = expr else { return false };
        matches!(call.func.as_ref(), Expr::Name(name)
            if self.known.cases.contains(name.id.as_str()) && self.known.checking.contains(name.id.as_str()))
    }
}

/// Whether what a call is given runs where its failure is no failure of the test.
fn is_elsewhere(call: &ExprCall) -> bool {
    match last_name(&call.func) {
        Some("Thread" | "Timer" | "Process" | "start_new_thread") => true,
        Some("register") => {
            matches!(call.func.as_ref(), Expr::Attribute(of) if last_name(&of.value) == Some("atexit"))
        }
        _ => false,
    }
}
