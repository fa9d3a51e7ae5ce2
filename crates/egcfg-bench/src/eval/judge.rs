//! One program of a data set's task: judged by the deciding tests, reduced to what scores need.

use egcfg_sandbox::SandboxError;
use egcfg_task::{Task, Test, TestResult, Verdict};
use serde::{Deserialize, Serialize};

use crate::executor::{SandboxExecutor, program};

/// What came of a program as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every deciding test passes.
    Passed,
    /// One does not.
    Failed,
    /// The sandbox or the harness failed: says nothing about the program, and is not scored.
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

/// A judged program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
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

/// Suites of up to this many tests run in one session, as one process would run them.
const WHOLE: usize = 32;
/// Larger suites are of independent asserts: they run this many to a session, and go on only while all pass, so that a
/// program which never ends costs a few time limits and not hundreds.
const SESSION: usize = 12;
/// From this many tests on, the first is tried alone before the session.
const PROBED: usize = 8;

/// Judges a program by `tests`, of which the first `base` are the base suite's.
pub async fn judge(
    executor: &SandboxExecutor,
    task: &Task,
    source: &str,
    tests: &[Test],
    base: Option<usize>,
) -> Result<Judged, SandboxError> {
    let program = program(task, source);
    let sandbox = &executor.sandbox;
    let mut results: Vec<TestResult> = Vec::with_capacity(tests.len());
    let probe = if tests.len() >= PROBED { sandbox.judge(&program, &tests[..1]).await? } else { Vec::new() };
    if probe.iter().any(|result| matches!(result.verdict, Verdict::Timeout { .. })) {
        results = probe;
    } else {
        let session = if tests.len() > WHOLE { SESSION } else { WHOLE };
        for session in tests.chunks(session) {
            results.extend(sandbox.judge(&program, session).await?);
            if results.iter().any(|result| !result.verdict.passed()) {
                break;
            }
        }
    }
    Ok(reduce(tests, &results, base))
}

fn reduce(tests: &[Test], results: &[TestResult], base: Option<usize>) -> Judged {
    let index = results.iter().position(|result| !result.verdict.passed());
    let failed = index.map(|index| {
        // A wrong answer settles the program, whatever else went wrong; else the first thing that went wrong is told.
        let scored = results.iter().position(|result| !result.verdict.passed() && is_scored(result));
        let index = scored.unwrap_or(index);
        let result = &results[index];
        Failed {
            index,
            test: bounded(tests[index].key()),
            verdict: result.verdict.to_string(),
            error: result.error.as_deref().map(bounded),
        }
    });
    Judged {
        outcome: outcome(results, tests.len()),
        passed_tests: results.iter().filter(|result| result.verdict.passed()).count(),
        ran_tests: results.len(),
        unproven: results.iter().any(|result| result.unproven),
        base: base.map(|base| outcome(&results[..base.min(results.len())], base)),
        failed,
        seconds: results.iter().map(|result| result.seconds).sum(),
    }
}

/// A published test that is no valid Python fails every program, here as with those who published it: it would be wrong to
/// call it a fault of the sandbox, which another try could mend.
fn is_scored(result: &TestResult) -> bool {
    !result.verdict.is_infrastructure()
}

fn outcome(results: &[TestResult], tests: usize) -> Outcome {
    if results.iter().any(|result| !result.verdict.passed() && is_scored(result)) {
        Outcome::Failed
    } else if results.iter().any(|result| !is_scored(result)) || results.len() < tests || tests == 0 {
        Outcome::Error
    } else {
        Outcome::Passed
    }
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
    fn an_infrastructure_error_is_no_wrong_answer() {
        let tests: Vec<Test> = (0..3).map(|i| Test::Assert(format!("assert f({i})"))).collect();
        let of = |verdicts: [Verdict; 3]| reduce(&tests, &verdicts.map(result), Some(1));
        let judged = of([Verdict::Passed, Verdict::SandboxUnavailable, Verdict::Passed]);
        assert_eq!((judged.outcome, judged.base), (Outcome::Error, Some(Outcome::Passed)));
        assert_eq!(judged.failed.unwrap().index, 1);
        // But a test that the program does fail decides, whatever happened to another.
        let judged = of([Verdict::HarnessError, Verdict::Passed, Verdict::WrongAnswer]);
        assert_eq!((judged.outcome, judged.base), (Outcome::Failed, Some(Outcome::Error)));
        assert_eq!(judged.failed.unwrap().index, 2);
        let judged = of([Verdict::Passed, Verdict::Passed, Verdict::Passed]);
        assert_eq!((judged.outcome, judged.failed), (Outcome::Passed, None));
        // No test at all proves nothing.
        assert_eq!(reduce(&[], &[], None).outcome, Outcome::Error);
    }
}
