//! What is known of the names that a test calls.

use std::collections::HashSet;

use crate::truths::Truths;

/// What is known of the names that a test calls.
#[derive(Default)]
pub(crate) struct Checks {
    /// Functions and classes that check something.
    pub(crate) checking: HashSet<String>,
    /// Functions whose call alone runs nothing.
    pub(crate) lazy: HashSet<String>,
    /// `unittest` classes.
    pub(crate) cases: HashSet<String>,
    /// Something collects and runs `unittest` classes.
    pub(crate) runner: bool,
    /// All that the text defines itself.
    pub(crate) defined: HashSet<String>,
    pub(crate) entry_point: String,
}

impl Checks {
    pub(crate) fn new(entry_point: &str) -> Self {
        Self { entry_point: entry_point.to_owned(), ..Self::default() }
    }

    pub(crate) fn truths(&self) -> Truths<'_> {
        Truths { entry_point: &self.entry_point, lazy: &self.lazy, defined: &self.defined }
    }

    /// Whether a name stands for something that checks: by what it is known to do, or by how such things are called.
    pub(crate) fn is_check(&self, name: &str) -> bool {
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
            || ["exec", "eval", "main", "run"].contains(&name)
    }
}
