//! What a method has tried: its programs with their judgement by the shown tests.

use egcfg_task::TestResult;

/// A program that the method wrote, judged.
#[derive(Debug, Clone)]
pub(super) struct Tried {
    pub(super) program: String,
    pub(super) results: Vec<TestResult>,
}

impl Tried {
    /// Shown tests that pass.
    pub(super) fn passes(&self) -> usize {
        self.results.iter().filter(|result| result.verdict.passed()).count()
    }

    /// Every shown test passes, and there is one.
    pub(super) fn passed(&self) -> bool {
        !self.results.is_empty() && self.passes() == self.results.len()
    }
}
