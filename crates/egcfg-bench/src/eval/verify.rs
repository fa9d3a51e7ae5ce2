//! The check of a data set: every reference solution must pass the tests that decide, and further ones that the set has for
//! it. What fails is a fault of the data, known with its reason, or a fault of ours.

use std::collections::BTreeMap;
use std::time::Instant;

use egcfg_grade::{Extent, Failed, Grade, Outcome, SandboxExecutor, grade};
use egcfg_guidance::ExecutorError;
use egcfg_task::Test;
use futures::StreamExt as _;
use serde::Serialize;

use super::environment::Environment;
use crate::dataset::{Dataset, Item};

/// A reference solution that does not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    pub task: String,
    /// The test and what came of it.
    #[serde(flatten)]
    pub failed: Failed,
    /// Why this is known, where it is.
    pub known: Option<String>,
}

/// What the check found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    /// The data set.
    pub dataset: String,
    /// The interpreter's version.
    pub python: String,
    /// sha256 of the file's content.
    pub sha256: String,
    /// References that pass.
    pub passed: usize,
    /// References that do not, the known ones included.
    pub failed: usize,
    /// Each of those, in the file's order.
    pub failures: Vec<Failure>,
    /// Tasks of which the known failure did not show.
    pub known_but_passed: Vec<String>,
    /// References that the sandbox could not judge.
    pub errors: Vec<Failure>,
    /// References whose verdict rests on their own process.
    pub unproven: usize,
    /// Tasks left out, by library that is not installed or by what they lack.
    pub skipped: BTreeMap<String, usize>,
    /// Tasks whose shown tests the reference fails: there, guidance is shown something false.
    pub shown_contradict: Vec<String>,
    /// Records that were left out, each with its line and what is wrong with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<String>,
    /// Wall time in seconds.
    pub seconds: f64,
    /// What a person should know about the file.
    pub warnings: Vec<String>,
}

impl Verification {
    /// Nothing failed but what is known to, and every record could be read.
    pub fn is_clean(&self) -> bool {
        self.errors.is_empty()
            && self.unreadable.is_empty()
            && self.failures.iter().all(|failure| failure.known.is_some())
    }
}

/// Runs the check, `jobs` references at a time; `progress` is told after each how many of how many are done.
pub async fn verify(
    set: &Dataset,
    executor: &SandboxExecutor,
    environment: &Environment,
    jobs: usize,
    mut progress: impl FnMut(usize, usize),
) -> Result<Verification, ExecutorError> {
    let started = Instant::now();
    let mut skipped = BTreeMap::new();
    let mut work = Vec::new();
    for item in &set.items {
        match reason_to_skip(item, environment) {
            Some(reason) => *skipped.entry(reason).or_insert(0) += 1,
            None => work.push(item),
        }
    }
    let total = work.len();
    let judgements = work.iter().enumerate().map(|(index, item)| async move {
        let tests = [item.task.grading_tests(), &item.reference_tests].concat();
        let source = item.reference.as_deref().unwrap_or_default();
        let grade = judged(executor, item, source, &tests).await?;
        // Where the shown tests are others than the deciding ones, they must not contradict the reference either.
        let others = !item.task.graded_tests.is_empty() && !item.task.shown_tests.is_empty();
        let shown = if others && grade.outcome == Outcome::Passed {
            judged(executor, item, source, &item.task.shown_tests).await?.outcome
        } else {
            Outcome::Passed
        };
        Ok::<_, ExecutorError>((index, grade, shown))
    });
    let mut results = futures::stream::iter(judgements).buffer_unordered(jobs.max(1));
    let mut judged: Vec<Option<_>> = (0..total).map(|_| None).collect();
    let mut done = 0;
    while let Some(result) = results.next().await {
        let (index, result, shown) = result?;
        judged[index] = Some((result, shown));
        done += 1;
        progress(done, total);
    }
    drop(results);
    let mut report = Verification {
        dataset: set.name.clone(),
        python: executor.sandbox.interpreter().version.clone(),
        sha256: set.sha256.clone(),
        passed: 0,
        failed: 0,
        failures: Vec::new(),
        known_but_passed: Vec::new(),
        errors: Vec::new(),
        unproven: 0,
        skipped,
        shown_contradict: Vec::new(),
        unreadable: set.faults.iter().map(ToString::to_string).collect(),
        seconds: 0.0,
        warnings: set.warnings.clone(),
    };
    for (item, (result, shown)) in work.iter().zip(judged.into_iter().flatten()) {
        if let Some(module) = missing_module(item, &result) {
            *report.skipped.entry(module).or_insert(0) += 1;
            continue;
        }
        let task = item.task.id.clone();
        let known = set.info.and_then(|info| info.known_failure(&task)).map(str::to_owned);
        report.unproven += usize::from(result.unproven);
        match (result.outcome, result.failed) {
            (Outcome::Passed, _) => {
                report.passed += 1;
                if shown == Outcome::Failed {
                    report.shown_contradict.push(task.clone());
                }
                report.known_but_passed.extend(known.map(|_| task));
            }
            // A test that cannot run is a fault of the data as well.
            (Outcome::Failed | Outcome::Invalid, Some(failed)) => {
                report.failures.push(Failure { task, failed, known });
            }
            (_, failed) => {
                let nothing =
                    || Failed { index: 0, test: String::new(), verdict: "no verdict".into(), error: None };
                report.errors.push(Failure { task, failed: failed.unwrap_or_else(nothing), known: None });
            }
        }
    }
    report.failed = report.failures.len();
    report.seconds = started.elapsed().as_secs_f64();
    Ok(report)
}

async fn judged(
    executor: &SandboxExecutor,
    item: &Item,
    source: &str,
    tests: &[Test],
) -> Result<Grade, ExecutorError> {
    let results = grade(executor, &item.task, source, tests, Extent::UntilSettled).await?;
    Ok(Grade::of(tests, &results, None))
}

/// The module that a data-science task needs beside its library and that is not installed.
fn missing_module(item: &Item, judged: &Grade) -> Option<String> {
    let error = judged.failed.as_ref()?.error.as_deref()?;
    let rest = error.strip_prefix("ModuleNotFoundError: No module named '")?;
    item.library.as_ref()?;
    rest.split(['.', '\'']).next().map(str::to_owned)
}

fn reason_to_skip(item: &Item, environment: &Environment) -> Option<String> {
    if let Some(library) = &item.library
        && !environment.has(library)
    {
        return Some(library.clone());
    }
    if item.reference.is_none() {
        return Some("no reference solution".to_owned());
    }
    item.task.grading_tests().is_empty().then(|| "no tests".to_owned())
}
