//! Scores of judged samples: tasks solved, pass@k with intervals over tasks, with and without the tasks whose tests are
//! wrong. A sample that could not be judged is left out, and counted apart.

use std::collections::BTreeMap;

use egcfg_grade::{Failed, Grade, Outcome};
use egcfg_results::stats::{Interval, mean_interval, pass_at_k};
use serde::Serialize;

use super::samples::Samples;
use crate::dataset::Dataset;

/// Version of [`Summary`] as JSON.
const VERSION: u32 = 1;

/// A score over a set of tasks; shares are between 0 and 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// Tasks of which at least one sample passes.
    pub solved: usize,
    /// Tasks with a judged sample.
    pub total: usize,
    /// By k; only where every task has as many samples.
    pub pass_at_k: BTreeMap<usize, Interval>,
}

/// One task's samples.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskScore {
    pub task: String,
    /// Judged samples.
    pub samples: usize,
    /// Those that pass.
    pub passed: usize,
    /// Those that pass the base suite, where the set has two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passed_base: Option<usize>,
    /// Samples that could not be judged.
    #[serde(skip_serializing_if = "is_zero")]
    pub errors: usize,
    /// Samples that met a test which cannot run. They are among those that do not pass, as in published scores, though no
    /// program is to blame.
    #[serde(skip_serializing_if = "is_zero")]
    pub invalid: usize,
    /// Samples whose verdict rests on their own process.
    #[serde(skip_serializing_if = "is_zero")]
    pub unproven: usize,
    /// The tests of this task are wrong.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub wrong_tests: bool,
    /// What the first sample failed, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<Failed>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Everything about an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Version of this layout.
    pub version: u32,
    /// The data set.
    pub dataset: String,
    /// sha256 of its file's content.
    pub sha256: String,
    /// Over all tasks with samples.
    #[serde(flatten)]
    pub score: Score,
    /// Without the tasks whose tests are wrong; where the set has such tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without_wrong_tests: Option<Score>,
    /// By the base suite alone; where the set has two suites.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<Score>,
    /// Samples judged.
    pub samples: usize,
    /// Samples that could not be judged; they are in no score.
    pub errors: usize,
    /// Samples that met a test which cannot run; they count as not passing.
    #[serde(skip_serializing_if = "is_zero")]
    pub invalid: usize,
    /// Passing samples whose verdict rests on their own process.
    pub unproven: usize,
    /// Tasks of the (selected) set without a sample; they are in no score.
    pub missing: usize,
    /// Samples of tasks that the (selected) set does not have.
    pub foreign: usize,
    /// Lines and files that hold no sample; they are in no score.
    #[serde(skip_serializing_if = "is_zero")]
    pub unreadable: usize,
    /// By task, in the set's order.
    pub tasks: Vec<TaskScore>,
}

/// Draws the scores from judged samples; `ks` are the values of k to estimate.
pub fn summarize(set: &Dataset, samples: &Samples, judged: &[Grade], ks: &[usize]) -> Summary {
    let mut tasks: Vec<Option<TaskScore>> = vec![None; set.items.len()];
    let mut unproven = 0;
    for (sample, judged) in samples.samples.iter().zip(judged) {
        let item = &set.items[sample.item];
        let task = tasks[sample.item].get_or_insert_with(|| TaskScore {
            task: item.task.id.clone(),
            samples: 0,
            passed: 0,
            passed_base: item.base_tests.map(|_| 0),
            errors: 0,
            invalid: 0,
            unproven: 0,
            wrong_tests: set.info.is_some_and(|info| info.has_wrong_tests(&item.task.id)),
            failed: None,
        });
        if judged.outcome == Outcome::Error {
            task.errors += 1;
            continue;
        }
        let passed = judged.outcome == Outcome::Passed;
        task.samples += 1;
        task.passed += usize::from(passed);
        task.invalid += usize::from(judged.outcome == Outcome::Invalid);
        task.unproven += usize::from(judged.unproven);
        unproven += usize::from(judged.unproven && passed);
        if let Some(count) = &mut task.passed_base {
            *count += usize::from(judged.base == Some(Outcome::Passed));
        }
        if task.failed.is_none() {
            task.failed.clone_from(&judged.failed);
        }
    }
    let missing = tasks.iter().filter(|task| task.is_none()).count();
    let tasks: Vec<TaskScore> = tasks.into_iter().flatten().collect();
    let all: Vec<(usize, usize)> = tasks.iter().map(|task| (task.samples, task.passed)).collect::<Vec<_>>();
    let has_wrong = tasks.iter().any(|task| task.wrong_tests);
    let right = || {
        tasks
            .iter()
            .filter(|task| !task.wrong_tests)
            .map(|task| (task.samples, task.passed))
            .collect::<Vec<_>>()
    };
    let base: Option<Vec<(usize, usize)>> =
        tasks.iter().map(|task| task.passed_base.map(|passed| (task.samples, passed))).collect();
    Summary {
        version: VERSION,
        dataset: set.name.clone(),
        sha256: set.sha256.clone(),
        score: score(&all, ks),
        without_wrong_tests: has_wrong.then(|| score(&right(), ks)),
        base: base.map(|base| score(&base, ks)),
        samples: all.iter().map(|(samples, _)| samples).sum(),
        errors: tasks.iter().map(|task| task.errors).sum(),
        invalid: tasks.iter().map(|task| task.invalid).sum(),
        unproven,
        missing,
        foreign: samples.foreign.len(),
        unreadable: samples.faults.len(),
        tasks,
    }
}

/// A score of (samples, passing samples) per task.
fn score(tasks: &[(usize, usize)], ks: &[usize]) -> Score {
    let tasks: Vec<(usize, usize)> = tasks.iter().copied().filter(|(samples, _)| *samples > 0).collect();
    let mut by_k = BTreeMap::new();
    for k in ks {
        let values: Option<Vec<f64>> = tasks.iter().map(|(n, c)| pass_at_k(*n, *c, *k)).collect();
        if let Some(interval) = values.as_deref().and_then(mean_interval) {
            by_k.insert(*k, interval);
        }
    }
    Score {
        solved: tasks.iter().filter(|(_, passed)| *passed > 0).count(),
        total: tasks.len(),
        pass_at_k: by_k,
    }
}
