//! What the results of a program's tests come to: the outcome as a whole, and what is told of it.

use egcfg_task::{Test, TestResult, Verdict};
use serde::{Deserialize, Serialize};

/// What came of a program as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every deciding test passes.
    Passed,
    /// One found it wrong.
    Failed,
    /// A test cannot run, and no other found the program wrong: it cannot pass, and is not to blame.
    Invalid,
    /// The sandbox or the harness failed, or there was no test: nothing is known of the program.
    Error,
}

/// The first test that did not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// Its number among the deciding tests, from 0.
    pub index: usize,
    /// Its text, bounded.
    pub test: String,
    /// What came of it, in words.
    pub verdict: String,
    /// One line that explains it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A graded program, reduced to what scores need.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Grade {
    /// As a whole.
    pub outcome: Outcome,
    /// How many tests passed of those that ran.
    pub passed_tests: usize,
    /// How many tests ran; fewer than the task has where an early one settled it.
    pub ran_tests: usize,
    /// Some verdict rests on the program's own process.
    #[serde(default)]
    pub unproven: bool,
    /// The base suite alone (its tests come first), where the task has two suites.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Outcome>,
    /// The first test that did not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Failed>,
    /// Wall time of all tests in seconds.
    pub seconds: f64,
}

impl Outcome {
    /// What the results come to of a program that has `tests` tests. Fewer results are enough where one of them settles it.
    pub fn of(results: &[TestResult], tests: usize) -> Self {
        let any = |is: fn(&TestResult) -> bool| results.iter().any(is);
        if any(|result| result.verdict.failed()) {
            Self::Failed
        } else if any(|result| result.verdict.is_infrastructure()) {
            Self::Error
        } else if any(|result| matches!(result.verdict, Verdict::InvalidTest { .. })) {
            Self::Invalid
        } else if tests == 0 || results.len() < tests || any(|result| !result.verdict.passed()) {
            Self::Error
        } else {
            Self::Passed
        }
    }
}

impl Grade {
    /// What the results come to, of `tests` of which the first `base` are the base suite's. Fewer results than tests are
    /// those of the first tests.
    pub fn of(tests: &[Test], results: &[TestResult], base: Option<usize>) -> Self {
        // What the program fails settles it, whatever else went wrong; else the first thing that went wrong is told.
        let index = results
            .iter()
            .position(|result| result.verdict.failed())
            .or_else(|| results.iter().position(|result| !result.verdict.passed()));
        let failed = index.map(|index| Failed {
            index,
            test: tests.get(index).map(|test| bounded(test.key())).unwrap_or_default(),
            verdict: results[index].verdict.to_string(),
            error: results[index].error.as_deref().map(bounded),
        });
        Self {
            outcome: Outcome::of(results, tests.len()),
            passed_tests: TestResult::passes(results),
            ran_tests: results.len(),
            unproven: results.iter().any(|result| result.unproven),
            base: base.map(|base| Outcome::of(&results[..base.min(results.len())], base)),
            failed,
            seconds: results.iter().map(|result| result.seconds).sum(),
        }
    }

    /// Whether every deciding test passes.
    pub fn passed(&self) -> bool {
        self.outcome == Outcome::Passed
    }
}

/// Why these results say nothing about the program, in one line: the first failure of the sandbox or the harness among them.
/// Nothing where each test was judged.
pub fn trouble<'a>(results: impl IntoIterator<Item = &'a TestResult>) -> Option<String> {
    let broken = results.into_iter().find(|result| result.verdict.is_infrastructure())?;
    let verdict = &broken.verdict;
    Some(broken.error.as_ref().map_or_else(|| verdict.to_string(), |error| format!("{verdict}: {error}")))
}

fn bounded(text: &str) -> String {
    const LIMIT: usize = 400;
    let text = text.trim();
    match text.char_indices().nth(LIMIT) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(verdict: Verdict) -> TestResult {
        TestResult { verdict, seconds: 0.5, error: None, got: None, unproven: false, flaky: false }
    }

    #[test]
    fn what_the_program_fails_settles_it_and_what_says_nothing_does_not() {
        use Verdict::{HarnessError, Passed, SandboxUnavailable, Unfinished, WrongAnswer};
        let tests: Vec<Test> = (0..3).map(|i| Test::Assert(format!("assert f({i})"))).collect();
        let of = |verdicts: [Verdict; 3]| Grade::of(&tests, &verdicts.map(result), Some(1));
        let invalid = || Verdict::InvalidTest { message: "line 1: invalid syntax".to_owned() };
        let timeout = || Verdict::Timeout { clock: egcfg_task::Clock::Cpu };
        for (verdicts, outcome, base, told) in [
            ([Passed, Passed, Passed], Outcome::Passed, Outcome::Passed, None),
            ([Passed, SandboxUnavailable, Passed], Outcome::Error, Outcome::Passed, Some(1)),
            ([HarnessError, Passed, WrongAnswer], Outcome::Failed, Outcome::Error, Some(2)),
            ([invalid(), Passed, Passed], Outcome::Invalid, Outcome::Invalid, Some(0)),
            ([invalid(), Passed, WrongAnswer], Outcome::Failed, Outcome::Invalid, Some(2)),
            ([invalid(), SandboxUnavailable, Passed], Outcome::Error, Outcome::Invalid, Some(0)),
            ([Unfinished, timeout(), Unfinished], Outcome::Failed, Outcome::Error, Some(1)),
        ] {
            let grade = of(verdicts.clone());
            let index = grade.failed.as_ref().map(|failed| failed.index);
            assert_eq!((grade.outcome, grade.base, index), (outcome, Some(base), told), "{verdicts:?}");
            assert_eq!(grade.passed(), outcome == Outcome::Passed);
        }
        // No test at all proves nothing, nor do fewer results than tests, unless one of them settles it.
        assert_eq!(Grade::of(&[], &[], None).outcome, Outcome::Error);
        assert_eq!(Grade::of(&tests, &[result(Passed)], None).outcome, Outcome::Error);
        assert_eq!(Grade::of(&tests, &[result(WrongAnswer)], None).outcome, Outcome::Failed);
    }

    #[test]
    fn trouble_is_ours_and_names_itself() {
        assert_eq!(trouble(&[result(Verdict::WrongAnswer), result(Verdict::Unfinished)]), None);
        let away = TestResult { error: Some("no process".into()), ..result(Verdict::SandboxUnavailable) };
        let found = trouble(&[result(Verdict::Passed), away]);
        assert_eq!(found.as_deref(), Some("sandbox unavailable: no process"));
    }
}
