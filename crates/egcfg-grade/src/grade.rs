//! Judging one program by a list of tests, however long the list is: which tests run in one session, and when the rest need
//! not run at all.

use egcfg_guidance::{Executor, ExecutorError};
use egcfg_task::{Task, Test, TestResult, Verdict};

/// How many of the tests are to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Every one: the result names each test.
    Every,
    /// Until the outcome is settled: a score needs no more.
    UntilSettled,
}

/// Suites of up to this many tests run in one session, as one process would run them.
const WHOLE: usize = 32;
/// Larger suites are of independent asserts: they run this many to a session, and go on only while all pass, so that a
/// program which never ends costs a few time limits and not hundreds.
const SESSION: usize = 12;
/// From this many tests on, the first is tried alone before the session.
const PROBED: usize = 8;

/// Judges a program by `tests`; one result per test that ran, in order. [`crate::Grade::of`] says what they come to.
pub async fn grade(
    executor: &dyn Executor,
    task: &Task,
    source: &str,
    tests: &[Test],
    extent: Extent,
) -> Result<Vec<TestResult>, ExecutorError> {
    if extent == Extent::Every {
        return executor.judge(task, source, tests).await;
    }
    if tests.len() >= PROBED {
        let probe = executor.judge(task, source, &tests[..1]).await?;
        if probe.iter().any(|result| matches!(result.verdict, Verdict::Timeout { .. })) {
            return Ok(probe);
        }
    }
    let session = if tests.len() > WHOLE { SESSION } else { WHOLE };
    let mut results: Vec<TestResult> = Vec::with_capacity(tests.len());
    for tests in tests.chunks(session) {
        results.extend(executor.judge(task, source, tests).await?);
        if results.iter().any(|result| !result.verdict.passed()) {
            break;
        }
    }
    Ok(results)
}
