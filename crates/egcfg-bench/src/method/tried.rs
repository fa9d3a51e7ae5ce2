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
        TestResult::passes(&self.results)
    }

    /// Every shown test passes, and there is one.
    pub(super) fn passed(&self) -> bool {
        TestResult::all_pass(&self.results)
    }
}
