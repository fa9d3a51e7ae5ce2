//! Finds what in a test can fail: asserts that are not always true, raised exceptions, calls of what asserts; as far as the text
//! shows that they can be reached.

use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, walk_stmt};
use ruff_python_ast::{ExceptHandler, Expr, Stmt, StmtIf, StmtTry};
use ruff_text_size::Ranged;

use crate::check_calls::{calls_check, statement_checks};
use crate::check_definitions::{definitions, first_assert, has_runner};
use crate::checked_names::Checks;
use crate::constants::truth;
use crate::truths::{is_empty, never, suppresses, takes_asserts};

/// What a test's statements come to.
pub(crate) enum Finding {
    /// Something can fail.
    Checks,
    /// There is a check that cannot fail: where, what it does, and what to write instead.
    Says { at: usize, what: &'static str, hint: &'static str },
    /// There is none.
    Nothing,
}

/// A walk over the statements that can be reached.
struct Walk<'a> {
    known: &'a Checks,
    found: bool,
    /// The first check that cannot fail.
    hollow: Option<(usize, &'static str, &'static str)>,
}

const UNREACHED: (&str, &str) = (
    "stands where it is never reached, or where nobody sees it fail",
    "take it out of the branch, handler, thread or function around it",
);

impl Checks {
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
        match first_assert(body) {
            Some(at) => Finding::Says { at, what: UNREACHED.0, hint: UNREACHED.1 },
            None => Finding::Nothing,
        }
    }

    /// Learns what a text defines and which of it checks something; one may call another that stands below it.
    pub(crate) fn learn(&mut self, body: &[Stmt]) {
        let found = definitions(body);
        self.runner |= has_runner(body);
        self.defined.extend(found.iter().map(|defined| defined.name.to_owned()));
        self.cases.extend(found.iter().filter(|defined| defined.case).map(|defined| defined.name.to_owned()));
        for defined in &found {
            let eager = found.iter().any(|other| other.name == defined.name && !other.lazy);
            if eager {
                self.lazy.remove(defined.name);
            } else {
                self.lazy.insert(defined.name.to_owned());
            }
        }
        loop {
            let before = self.checking.len();
            for defined in &found {
                let mut walk = Walk { known: self, found: false, hollow: None };
                walk.block(defined.body);
                if walk.found {
                    self.checking.insert(defined.name.to_owned());
                }
            }
            if self.checking.len() == before {
                return;
            }
        }
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
            Stmt::Assert(assert) => match self.known.truths().always(&assert.test) {
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
            Stmt::If(branch) => self.branches(branch),
            Stmt::Expr(value) => self.found |= statement_checks(self.known, &value.value),
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
                let mut values = Values { known: self.known, found: false };
                walk_stmt(&mut values, other);
                self.found |= values.found;
            }
        }
    }

    /// Branches until one that is always taken.
    fn branches(&mut self, branch: &StmtIf) {
        let first = (Some(&*branch.test), &branch.body);
        let others = branch.elif_else_clauses.iter().map(|clause| (clause.test.as_ref(), &clause.body));
        for (test, body) in std::iter::once(first).chain(others) {
            if test.is_some_and(never) {
                continue;
            }
            if let Some(test) = test {
                self.expression(test);
            }
            self.block(body);
            if test.is_some_and(|test| truth(test) == Some(true)) {
                return;
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
        self.found |= calls_check(self.known, expr);
    }
}

/// The expressions of a statement.
struct Values<'a> {
    known: &'a Checks,
    found: bool,
}

impl<'a> SourceOrderVisitor<'a> for Values<'_> {
    fn visit_expr(&mut self, expr: &'a Expr) {
        self.found |= calls_check(self.known, expr);
    }
}
