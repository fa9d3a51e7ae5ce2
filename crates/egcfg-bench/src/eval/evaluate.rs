//! Judges samples, several at a time, taking from the log what an earlier run has judged.

use egcfg_grade::{Extent, Grade, Outcome, SandboxExecutor, grade};
use egcfg_guidance::ExecutorError;
use futures::StreamExt as _;

use super::conditions::Conditions;
use super::log::{Key, VerdictLog};
use super::samples::Samples;
use crate::dataset::Dataset;

/// Why samples could not be judged.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// The sandbox cannot be had.
    #[error(transparent)]
    Sandbox(#[from] ExecutorError),
    /// A verdict cannot be written.
    #[error("failed to write a verdict: {0}")]
    Log(std::io::Error),
}

/// What came of the samples.
#[derive(Debug, Clone, Default)]
pub struct Evaluation {
    /// In the samples' order.
    pub grades: Vec<Grade>,
    /// How many verdicts were taken from the log.
    pub kept: usize,
    /// How many the log had under other conditions; these were judged anew.
    pub changed: usize,
}

/// Judges every sample, `jobs` at a time. A verdict is taken from the log where tests, program and conditions are the same.
/// `progress` is told after each how many of how many are done.
pub async fn evaluate(
    set: &Dataset,
    samples: &Samples,
    executor: &SandboxExecutor,
    log: &mut Option<VerdictLog>,
    conditions: &Conditions,
    jobs: usize,
    mut progress: impl FnMut(usize, usize),
) -> Result<Evaluation, EvalError> {
    let total = samples.samples.len();
    let mut judged: Vec<Option<Grade>> = Vec::with_capacity(total);
    let (mut work, mut changed) = (Vec::new(), 0);
    for (index, sample) in samples.samples.iter().enumerate() {
        let key = Key::of(&set.items[sample.item], &sample.program, conditions);
        let known = log.as_ref().and_then(|log| log.get(&key)).cloned();
        if known.is_none() {
            changed += usize::from(log.as_ref().is_some_and(|log| log.is_changed(&key)));
            work.push((index, sample, key));
        }
        judged.push(known);
    }
    let kept = total - work.len();
    let mut done = kept;
    if done > 0 {
        progress(done, total);
    }
    let judgements = work.into_iter().map(|(index, sample, key)| async move {
        let item = &set.items[sample.item];
        let tests = item.task.grading_tests();
        let results = grade(executor, &item.task, &sample.program, tests, Extent::UntilSettled).await;
        let result = results.map(|results| Grade::of(tests, &results, item.base_tests));
        (index, sample, key, result)
    });
    let mut results = futures::stream::iter(judgements).buffer_unordered(jobs.max(1));
    while let Some((index, sample, key, result)) = results.next().await {
        let result = result?;
        // What failed for our own reasons is not written: the next run tries again.
        if result.outcome != Outcome::Error
            && let Some(log) = log
        {
            let task = &set.items[sample.item].task.id;
            log.append(&key, task, sample.number, &result).map_err(EvalError::Log)?;
        }
        judged[index] = Some(result);
        done += 1;
        progress(done, total);
    }
    Ok(Evaluation { grades: judged.into_iter().flatten().collect(), kept, changed })
}
