//! The knobs of a search.

use egcfg_task::Policy;

use super::budget::Limits;
use super::choosing::Choosing;

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
    /// A program that passes every shown test ends the search, where the first such program is the answer.
    pub stop_on_pass: bool,
    /// Which of several programs that pass is the answer; all but the first let the search go on to its limits.
    pub choosing: Choosing,
    /// Close beginnings whose completed part raises on every shown test.
    pub dead_ends: bool,
    /// Of two beginnings that leave the same values in the same variables on every shown test, only the more probable one goes on.
    pub equal_states: bool,
    /// What it may spend.
    pub limits: Limits,
}

impl Search {
    /// Whether a passing program ends it.
    pub(crate) fn ends_on_pass(&self) -> bool {
        self.stop_on_pass && self.choosing == Choosing::First
    }

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
            bonus: 4.0,
            stop_on_pass: true,
            choosing: Choosing::First,
            dead_ends: false,
            equal_states: false,
            limits: Limits { tokens: Some(1650), ..Limits::default() },
        }
    }
}

/// How a search goes on under guidance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guided {
    /// Share of the budget for the plain tree, which comes first.
    pub share: f64,
    /// Guidance strength of the trees that follow.
    pub gamma: f64,
}

impl Default for Guided {
    fn default() -> Self {
        Self { share: 0.6, gamma: 1.0 }
    }
}
