//! Finds what in a test can fail: asserts that are not always true, raised exceptions, calls of what asserts; as far as the text
//! shows that they can be reached.

use std::collections::HashSet;

use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, walk_expr, walk_stmt};
use ruff_python_ast::{ExceptHandler, Expr, Stmt, StmtTry};
use ruff_text_size::Ranged;

use crate::truths::{always, is_empty, never, suppresses, takes_asserts};

/// What a test's statements come to.
pub(crate) enum Finding {
    /// Something can fail.
    Checks,
    /// There is a check that cannot fail: where, what it does, and what to write instead.
    Says { at: usize, what: &'static str, hint: &'static str },
    /// There is none.
    Nothing,
}

/// What is known of the names that a test calls.
#[derive(Default)]
pub(crate) struct Checks {
    /// Functions and classes that check something.
    checking: HashSet<String>,
    /// All that the text defines itself.
    defined: HashSet<String>,
    entry_point: String,
}

/// A walk over the statements that can be reached.
struct Walk<'a> {
    known: &'a Checks,
    found: bool,
    /// The first check that cannot fail.
    hollow: Option<(usize, &'static str, &'static str)>,
}

const UNREACHED: (&str, &str) =
    ("stands where it is never reached", "take it out of the branch or function that nothing enters");

impl Checks {
    pub(crate) fn helpers(checking: &[String], entry_point: &str) -> Self {
        Self {
            checking: checking.iter().cloned().collect(),
            entry_point: entry_point.to_owned(),
            ..Self::default()
        }
    }

    /// The functions and classes of a text that check something, by way of each other too.
    pub(crate) fn checking(mut self, body: &[Stmt]) -> Vec<String> {
        self.learn(body);
        self.checking.into_iter().collect()
    }

    pub(crate) fn look(mut self, body: &[Stmt]) -> Finding {
        self.learn(body);
        let mut walk = Walk { known: &self, found: false, hollow: None };
        walk.block(body);
        if walk.found {
            return Finding::Checks;
        }
        if let Some((at, what, hint)) = walk.hollow {
            return Finding::Says { at, what, hint };
        }
        match first_check(body) {
            Some(at) => Finding::Says { at, what: UNREACHED.0, hint: UNREACHED.1 },
            None => Finding::Nothing,
        }
    }

    /// Learns which definitions check something; one may call another that stands below it.
    fn learn(&mut self, body: &[Stmt]) {
        let mut definitions = Definitions { found: Vec::new() };
        for stmt in body {
            definitions.visit_stmt(stmt);
        }
        self.defined.extend(definitions.found.iter().map(|(name, _)| (*name).to_owned()));
        loop {
            let before = self.checking.len();
            for (name, inner) in &definitions.found {
                let mut walk = Walk { known: self, found: false, hollow: None };
                walk.block(inner);
                if walk.found {
                    self.checking.insert((*name).to_owned());
                }
            }
            if self.checking.len() == before {
                return;
            }
        }
    }

    /// Whether a name stands for something that checks: by what it is known to do, or by how such things are called.
    fn is_check(&self, name: &str) -> bool {
        if self.checking.contains(name) {
            return true;
        }
        if self.defined.contains(name) || name == self.entry_point || name == "candidate" {
            return false;
        }
        let lower = name.to_ascii_lowercase();
        ["assert", "expect", "verify", "raises", "fail", "exit", "_exit"]
            .iter()
            .any(|start| lower.starts_with(start))
            || ["exec", "eval", "main", "testmod", "run", "run_docstring_examples", "TextTestRunner"]
                .contains(&name)
    }
}

impl Walk<'_> {
    fn block(&mut self, body: &[Stmt]) {
        for stmt in body {
            self.statement(stmt);
            if self.found || matches!(stmt, Stmt::Return(_) | Stmt::Continue(_) | Stmt::Break(_)) {
                return;
            }
        }
    }

    fn statement(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::Assert(assert) => match always(&assert.test, &self.known.entry_point) {
                Some((what, hint)) => {
                    self.hollow.get_or_insert((assert.start().to_usize(), what, hint));
                }
                None => self.found = true,
            },
            Stmt::Raise(_) => self.found = true,
            // What a definition holds runs when it is called.
            Stmt::FunctionDef(def) => {
                for decorator in &def.decorator_list {
                    self.expression(&decorator.expression);
                }
            }
            Stmt::ClassDef(def) => self.block(&def.body),
            Stmt::If(branch) => {
                let mut reached = !never(&branch.test);
                if reached {
                    self.expression(&branch.test);
                    self.block(&branch.body);
                }
                for clause in &branch.elif_else_clauses {
                    reached = !clause.test.as_ref().is_some_and(never);
                    if reached {
                        self.block(&clause.body);
                    }
                }
            }
            Stmt::While(repeat) => {
                if !never(&repeat.test) {
                    self.block(&repeat.body);
                }
                self.block(&repeat.orelse);
            }
            Stmt::For(repeat) => {
                self.expression(&repeat.iter);
                if !is_empty(&repeat.iter) {
                    self.block(&repeat.body);
                }
                self.block(&repeat.orelse);
            }
            Stmt::Try(attempt) => self.attempt(attempt),
            Stmt::With(with) => {
                let suppressed = with.items.iter().any(|item| suppresses(&item.context_expr));
                for item in &with.items {
                    self.expression(&item.context_expr);
                }
                if !suppressed {
                    self.block(&with.body);
                }
            }
            Stmt::Match(choice) => {
                for case in &choice.cases {
                    self.block(&case.body);
                }
            }
            other => {
                let mut calls = Calls { known: self.known, found: false };
                walk_stmt(&mut calls, other);
                self.found |= calls.found;
            }
        }
    }

    fn attempt(&mut self, attempt: &StmtTry) {
        let mut handlers = Walk { known: self.known, found: false, hollow: None };
        for ExceptHandler::ExceptHandler(handler) in &attempt.handlers {
            handlers.block(&handler.body);
        }
        self.found |= handlers.found;
        // A handler that takes a failed assert and does nothing hides it.
        let hidden = attempt
            .handlers
            .iter()
            .any(|ExceptHandler::ExceptHandler(handler)| handler.type_.as_deref().is_none_or(takes_asserts));
        if !hidden {
            self.block(&attempt.body);
        }
        self.block(&attempt.orelse);
        self.block(&attempt.finalbody);
    }

    fn expression(&mut self, expr: &Expr) {
        let mut calls = Calls { known: self.known, found: false };
        calls.visit_expr(expr);
        self.found |= calls.found;
    }
}

/// Looks for a call, or another use, of something that checks.
struct Calls<'a> {
    known: &'a Checks,
    found: bool,
}

impl<'a> SourceOrderVisitor<'a> for Calls<'_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        walk_stmt(self, stmt);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Name(name) => self.found |= self.known.checking.contains(name.id.as_str()),
            Expr::Call(call) => {
                self.found |= match call.func.as_ref() {
                    Expr::Name(name) => self.known.is_check(&name.id),
                    Expr::Attribute(attribute) => self.known.is_check(&attribute.attr),
                    _ => false,
                };
            }
            _ => {}
        }
        walk_expr(self, expr);
    }
}

/// All functions and classes of a text, with their bodies.
struct Definitions<'a> {
    found: Vec<(&'a str, &'a [Stmt])>,
}

impl<'a> SourceOrderVisitor<'a> for Definitions<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(def) => self.found.push((def.name.as_str(), &def.body)),
            Stmt::ClassDef(def) => {
                for inner in &def.body {
                    if let Stmt::FunctionDef(method) = inner {
                        self.found.push((def.name.as_str(), &method.body));
                    }
                }
            }
            _ => {}
        }
        walk_stmt(self, stmt);
    }
}

/// Where the first assert of a text stands, reached or not.
fn first_check(body: &[Stmt]) -> Option<usize> {
    struct First(Option<usize>);
    impl<'a> SourceOrderVisitor<'a> for First {
        fn visit_stmt(&mut self, stmt: &'a Stmt) {
            if matches!(stmt, Stmt::Assert(_)) && self.0.is_none() {
                self.0 = Some(stmt.start().to_usize());
            }
            walk_stmt(self, stmt);
        }
    }
    let mut first = First(None);
    for stmt in body {
        first.visit_stmt(stmt);
    }
    first.0
}
