//! Which function or class a list of tests is about, where nobody says it.

use std::collections::HashSet;

use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, walk_expr, walk_parameter, walk_stmt};
use ruff_python_ast::{Expr, Parameter, Stmt};

use crate::asserts::{NEWEST, dedented};
use crate::calls::{is_helper, tested_calls};
use crate::definitions::definitions;
use crate::lines;
use crate::parse::with_module;

/// The function or class that the tests call: the first one, in the order of the text, that the most tests call. What an assert calls
/// goes before what a test calls elsewhere, and names that a test binds itself (`g = f(2)`) count only where there is no
/// other; Python's own functions count last.
///
/// ```
/// use egcfg_python::entry_point;
///
/// assert_eq!(entry_point(&["a, b = split([1, 2])\nassert len(a) == 1"]).as_deref(), Some("split"));
/// ```
pub fn entry_point(tests: &[&str]) -> Option<String> {
    let called: Vec<Names> = tests.iter().map(|test| Names::of(test)).collect();
    best(&called, |_| true)
}

/// The same for a given program: what it defines at its top level goes before everything else. A name that the tests mention without
/// calling it (`f.__doc__`) counts where they call nothing of the program's.
pub fn entry_point_of(tests: &[&str], program: &str) -> Option<String> {
    let called: Vec<Names> = tests.iter().map(|test| Names::of(test)).collect();
    let defined: HashSet<String> = definitions(program).into_iter().map(|found| found.name).collect();
    let mentioned = || called.iter().flat_map(|names| &names.mentioned).find(|name| defined.contains(*name));
    best(&called, |name| defined.contains(name))
        .or_else(|| mentioned().cloned())
        .or_else(|| best(&called, |_| true))
}

/// Whether a text is one name, as a program can define it.
pub fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && letters.all(|c| c.is_alphanumeric() || c == '_')
}

fn best(called: &[Names], may_be: impl Fn(&str) -> bool) -> Option<String> {
    let mut best: Option<((usize, usize), &String)> = None;
    for names in called {
        for name in names.asserted.iter().chain(&names.elsewhere).filter(|name| may_be(name)) {
            let is_bound = called.iter().any(|names| names.bound.contains(name));
            let is_asserted = called.iter().any(|names| names.asserted.contains(name));
            let class = match (is_helper(name), is_bound) {
                (true, _) => 0,
                (false, true) => 1,
                (false, false) => 2 + usize::from(is_asserted),
            };
            let count = called.iter().filter(|names| names.calls(name)).count();
            if best.is_none_or(|(highest, _)| (class, count) > highest) {
                best = Some(((class, count), name));
            }
        }
    }
    // Where a test calls nothing but its own names and Python's, it may hand the function on: `check(f)`.
    let is_weak = best.is_none_or(|((class, _), _)| class < 2);
    let foreign = |name: &&String| {
        may_be(name) && !is_helper(name) && !called.iter().any(|names| names.bound.contains(*name))
    };
    let handed = || called.iter().flat_map(|names| &names.handed).find(foreign);
    let named = is_weak.then(handed).flatten().or(best.map(|(_, name)| name));
    named.cloned()
}

/// The names in one test.
#[derive(Default)]
struct Names {
    /// Called in an assert, in the order of the text.
    asserted: Vec<String>,
    /// Called in another statement.
    elsewhere: Vec<String>,
    /// Bound by the test itself.
    bound: HashSet<String>,
    /// Given to a call.
    handed: Vec<String>,
    /// Everything that it loads.
    mentioned: Vec<String>,
}

impl Names {
    fn of(test: &str) -> Self {
        let test = lines::unix_newlines(test);
        let mut names = Self::default();
        // A test that is no Python names nothing.
        let _ = with_module(&dedented(&test), NEWEST, |parsed| names.visit_body(parsed.suite()));
        names
    }

    fn calls(&self, name: &String) -> bool {
        self.asserted.contains(name) || self.elsewhere.contains(name)
    }

    fn add(&mut self, expr: &Expr, is_asserted: bool) {
        let calls = tested_calls(expr).into_iter().map(|call| call.name.to_owned());
        if is_asserted { self.asserted.extend(calls) } else { self.elsewhere.extend(calls) }
    }
}

impl<'a> SourceOrderVisitor<'a> for Names {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Assert(found) => {
                self.add(&found.test, true);
                // What it binds or mentions is looked at below; its calls are known.
                let elsewhere = self.elsewhere.len();
                walk_stmt(self, stmt);
                self.elsewhere.truncate(elsewhere);
                return;
            }
            Stmt::FunctionDef(def) => {
                self.bound.insert(def.name.to_string());
            }
            Stmt::ClassDef(def) => {
                self.bound.insert(def.name.to_string());
            }
            Stmt::Import(import) => {
                self.bound.extend(import.names.iter().map(|alias| {
                    let name = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
                    name.split('.').next().unwrap_or_default().to_owned()
                }));
            }
            Stmt::ImportFrom(import) => {
                let names = import.names.iter();
                self.bound
                    .extend(names.map(|alias| alias.asname.as_ref().unwrap_or(&alias.name).to_string()));
            }
            _ => {}
        }
        walk_stmt(self, stmt);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Name(name) if name.ctx.is_load() => self.mentioned.push(name.id.to_string()),
            Expr::Name(name) => {
                self.bound.insert(name.id.to_string());
            }
            Expr::Call(call) => {
                let names = call.arguments.args.iter().filter_map(Expr::as_name_expr);
                self.handed.extend(names.map(|name| name.id.to_string()));
                let calls = tested_calls(expr);
                // Inner calls come by themselves.
                self.elsewhere.extend(calls.first().map(|call| call.name.to_owned()));
            }
            _ => {}
        }
        walk_expr(self, expr);
    }

    fn visit_parameter(&mut self, parameter: &'a Parameter) {
        self.bound.insert(parameter.name.to_string());
        walk_parameter(self, parameter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tested_function_is_found_wherever_a_test_calls_it() {
        for (tests, name) in [
            (&["assert f(1) == 2", "assert g(f(2)) == 3"][..], Some("f")),
            (&["a, b = f([1])\nassert b == 2"], Some("f")),
            (&["d = f()\nd['z'] = 1\nassert sorted(d) == ['z']"], Some("f")),
            (&["g = f(2)\nassert g(1) == 3"], Some("f")),
            (&["def h(x):\n    return x\nassert f(h, 1) == 1"], Some("f")),
            (&["from collections import Counter as C\nassert C(f(1)) == C([1])"], Some("f")),
            (&["try:\n    f(-1)\n    assert False\nexcept ValueError:\n    pass"], Some("f")),
            (&["def check(c):\n    assert c(1) == 2\ncheck(f)"], Some("f")),
            (&["assert sorted([2, 1]) == [1, 2]"], Some("sorted")),
            (&["assert True"], None),
            (&["assert ("], None),
        ] {
            assert_eq!(entry_point(tests).as_deref(), name, "{tests:?}");
        }
    }

    #[test]
    fn a_program_says_more() {
        let program = "def help(x):\n    return x\n\ndef f(x):\n    return help(x)\n\nclass K:\n    pass\n";
        for (test, name) in [
            ("def check(c):\n    assert c(1) == 1\ncheck(f)", "f"),
            ("assert f.__doc__ is None", "f"),
            ("assert 'f' in globals() and f", "f"),
            ("k = K()\nassert k is not None", "K"),
            ("assert unknown(1)", "unknown"),
        ] {
            assert_eq!(entry_point_of(&[test], program).as_deref(), Some(name), "{test}");
        }
    }
}
