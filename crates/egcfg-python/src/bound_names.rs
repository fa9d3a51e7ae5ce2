//! Which names a statement binds, and which are Python's own.

use std::collections::HashSet;

use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, walk_stmt};
use ruff_python_ast::{Alias, Expr, Parameters, Stmt};

use crate::calls::is_helper;

/// Ways to a program that no name of its own shows.
pub(crate) const WAYS: [&str; 10] = [
    "exec",
    "eval",
    "globals",
    "locals",
    "vars",
    "__import__",
    "importlib",
    "subprocess",
    "open",
    "solution",
];

/// Names that Python gives to every module, or its library to tests.
const KNOWN: [&str; 16] = [
    "True",
    "False",
    "None",
    "__name__",
    "__debug__",
    "__doc__",
    "__file__",
    "NotImplemented",
    "Ellipsis",
    "BaseException",
    "slice",
    "delattr",
    "setattr",
    "Mock",
    "MagicMock",
    "patch",
];

/// Names of Python and its library, exceptions included.
pub(crate) fn is_known(name: &str) -> bool {
    is_helper(name)
        || KNOWN.contains(&name)
        || name.ends_with("Error")
        || name.ends_with("Exception")
        || name.ends_with("Warning")
}

/// Adds what a statement surely binds in the scope that it stands in.
pub(crate) fn bound_by(stmt: &Stmt, into: &mut HashSet<String>) {
    match stmt {
        Stmt::FunctionDef(def) => _ = into.insert(def.name.to_string()),
        Stmt::ClassDef(def) => _ = into.insert(def.name.to_string()),
        Stmt::Assign(assign) => assign.targets.iter().for_each(|target| names_in(target, into)),
        Stmt::AnnAssign(assign) if assign.value.is_some() => names_in(&assign.target, into),
        Stmt::For(repeat) => names_in(&repeat.target, into),
        Stmt::With(with) => {
            with.items
                .iter()
                .filter_map(|item| item.optional_vars.as_deref())
                .for_each(|n| names_in(n, into));
        }
        // Any other module may be the program's own.
        Stmt::ImportFrom(import) if import.module.as_ref().is_some_and(|module| is_library(module)) => {
            into.extend(import.names.iter().map(|alias| bound_name(alias).to_owned()));
        }
        Stmt::Import(import) => {
            let of_library = import.names.iter().filter(|alias| is_library(&alias.name));
            into.extend(of_library.map(|alias| bound_name(alias).to_owned()));
        }
        _ => {}
    }
}

/// The names that an assignment to this target binds.
pub(crate) fn names_in(target: &Expr, into: &mut HashSet<String>) {
    match target {
        Expr::Name(name) => _ = into.insert(name.id.to_string()),
        Expr::Tuple(tuple) => tuple.elts.iter().for_each(|item| names_in(item, into)),
        Expr::List(list) => list.elts.iter().for_each(|item| names_in(item, into)),
        Expr::Starred(starred) => names_in(&starred.value, into),
        _ => {}
    }
}

fn is_library(module: &str) -> bool {
    let first = module.split('.').next().unwrap_or(module);
    is_helper(first) && !WAYS.contains(&first)
}

pub(crate) fn bound_name(alias: &Alias) -> &str {
    let name = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
    name.split('.').next().unwrap_or(name)
}

/// The names that are local to a function: its parameters, and what its own statements bind.
pub(crate) fn local_to(parameters: &Parameters, body: &[Stmt]) -> HashSet<String> {
    struct Local {
        bound: HashSet<String>,
        global: HashSet<String>,
    }
    impl<'a> SourceOrderVisitor<'a> for Local {
        fn visit_stmt(&mut self, stmt: &'a Stmt) {
            bound_by(stmt, &mut self.bound);
            match stmt {
                Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {}
                Stmt::Global(global) => self.global.extend(global.names.iter().map(ToString::to_string)),
                _ => walk_stmt(self, stmt),
            }
        }
        fn visit_expr(&mut self, _: &'a Expr) {}
    }
    let mut local = Local { bound: HashSet::new(), global: HashSet::new() };
    local.visit_body(body);
    local.bound.retain(|name| !local.global.contains(name));
    local.bound.extend(parameters.iter().map(|parameter| parameter.name().to_string()));
    local.bound
}
