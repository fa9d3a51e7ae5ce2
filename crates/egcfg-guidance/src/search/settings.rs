//! The knobs of a search.

use super::budget::Limits;
use crate::tree::Policy;

/// How a task's tree is searched. Temperature and top-p are those of [`crate::Settings`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Search {
    /// Which program comes next.
    pub policy: Policy,
    /// Programs grown together in one engine batch. One is exact; more trade a few tokens for time.
    pub width: usize,
    /// Begin with the model's most probable program (priority and beams do so by themselves).
    pub greedy_first: bool,
    /// The test bonus: what passing all shown tests adds to the log-probability of branches that leave from a program. 0 is
    /// off; for `priority` alone.
    pub bonus: f64,
    /// A program that passes every shown test ends the search.
    pub stop_on_pass: bool,
    /// What it may spend.
    pub limits: Limits,
}

impl Search {
    /// The same search with what these tokens and programs leave of its limits; `None` where nothing is left.
    pub(crate) fn after(&self, tokens: usize, programs: usize) -> Option<Self> {
        let left = |most: Option<usize>, spent: usize| most.map(|most| most.saturating_sub(spent));
        let limits = Limits {
            tokens: left(self.limits.tokens, tokens),
            programs: left(self.limits.programs, programs),
            ..self.limits
        };
        (limits.tokens != Some(0) && limits.programs != Some(0)).then_some(Self { limits, ..*self })
    }
}

impl Default for Search {
    fn default() -> Self {
        Self {
            policy: Policy::Priority,
            width: 1,
            greedy_first: true,
            bonus: 0.0,
            stop_on_pass: true,
            limits: Limits { tokens: Some(1650), ..Limits::default() },
        }
    }
}
