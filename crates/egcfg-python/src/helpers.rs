//! A program that an answer shows in several parts: helpers, classes or imports in one fence, the function in another.

use std::collections::HashSet;

use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, walk_expr};
use ruff_python_ast::{Expr, ExprContext, Stmt, StmtImport, StmtImportFrom};

use crate::bound_names::{bound_by, bound_name, is_known};
use crate::parse::with_module;
use crate::version::PythonVersion;

/// What a text binds at its top level, and what it asks for anywhere.
struct Names {
    bound: HashSet<String>,
    asked: HashSet<String>,
    /// Whether it only defines, imports and assigns.
    only_defines: bool,
}

fn names(code: &str) -> Option<Names> {
    struct Asked(HashSet<String>);
    impl<'a> SourceOrderVisitor<'a> for Asked {
        fn visit_expr(&mut self, expr: &'a Expr) {
            if let Expr::Name(name) = expr
                && name.ctx == ExprContext::Load
            {
                self.0.insert(name.id.to_string());
            }
            walk_expr(self, expr);
        }
    }
    let look = |parsed: &ruff_python_parser::Parsed<ruff_python_ast::ModModule>| {
        let (mut bound, mut asked) = (HashSet::new(), Asked(HashSet::new()));
        for stmt in parsed.suite() {
            match stmt {
                Stmt::Import(StmtImport { names, .. }) | Stmt::ImportFrom(StmtImportFrom { names, .. }) => {
                    bound.extend(names.iter().map(|alias| bound_name(alias).to_owned()));
                }
                // An example's `list = [3, 1]` is no helper.
                Stmt::Assign(_) | Stmt::AnnAssign(_) => {
                    let mut assigned = HashSet::new();
                    bound_by(stmt, &mut assigned);
                    bound.extend(assigned.into_iter().filter(|name| !is_known(name)));
                }
                _ => bound_by(stmt, &mut bound),
            }
            asked.visit_stmt(stmt);
        }
        let only_defines = parsed.suite().iter().all(|stmt| {
            matches!(
                stmt,
                Stmt::FunctionDef(_)
                    | Stmt::ClassDef(_)
                    | Stmt::Import(_)
                    | Stmt::ImportFrom(_)
                    | Stmt::Assign(_)
                    | Stmt::AnnAssign(_)
            )
        });
        Names { bound, asked: asked.0, only_defines }
    };
    with_module(code, PythonVersion::default(), look).ok()
}

/// The program with the other parts of its answer that define what it asks for, in front of it and in their order. Parts that do more
/// than define, and those that define again what the program has, are left out.
pub(crate) fn with_helpers(code: &str, others: &[&str]) -> Option<String> {
    let own = names(code)?;
    let mut missing: HashSet<String> = own.asked.difference(&own.bound).cloned().collect();
    let parts: Vec<Option<Names>> = others.iter().map(|part| names(part)).collect();
    let mut taken = vec![false; others.len()];
    let mut have = own.bound.clone();
    loop {
        // Of several that define it, the last one is the one that was meant.
        let next = (0..others.len()).rev().find(|at| {
            parts[*at].as_ref().is_some_and(|part| {
                !taken[*at]
                    && part.only_defines
                    && part.bound.is_disjoint(&have)
                    && !part.bound.is_disjoint(&missing)
            })
        });
        let Some((at, part)) = next.and_then(|at| Some((at, parts[at].as_ref()?))) else { break };
        taken[at] = true;
        have.extend(part.bound.iter().cloned());
        missing.extend(part.asked.iter().cloned());
        missing.retain(|name| !have.contains(name));
    }
    if !taken.contains(&true) {
        return None;
    }
    let helpers = others.iter().zip(taken).filter(|(_, taken)| *taken).map(|(part, _)| part.trim_end());
    let all: Vec<&str> = helpers.chain([code.trim_end()]).collect();
    Some(all.join("\n\n\n") + "\n")
}
