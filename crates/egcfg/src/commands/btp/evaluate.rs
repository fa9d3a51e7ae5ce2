//! How many held-out tasks a model solves greedily: one most probable program per task, judged by every test.

use egcfg_tune::sample::SampleLog;
use serde::{Deserialize, Serialize};

use super::round::Round;
use crate::args::btp::SamplingArgs;
use crate::exit::Failure;

/// A model's score on the held-out tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Held {
    /// Tasks whose every test passes, by id, in order.
    pub(super) solved: Vec<String>,
    /// All held-out tasks.
    pub(super) tasks: usize,
}

/// Scores a round's model; the log in the folder makes it go on where it was stopped.
pub(super) async fn evaluate(round: &Round<'_>) -> Result<Held, Failure> {
    round.sample(usize::MAX).await?;
    let log = SampleLog::open(&round.folder.join("samples.jsonl"))?;
    let mut solved: Vec<String> = log
        .tasks()
        .filter(|task| task.experiences.first().is_some_and(egcfg_tune::replay::Experience::passes))
        .map(|task| task.task_id.clone())
        .collect();
    solved.sort();
    Ok(Held { solved, tasks: round.tasks.len() })
}

/// One greedy program per task.
pub(super) fn greedy(jobs: usize) -> SamplingArgs {
    SamplingArgs { num_beams: 1, policy: egcfg_guidance::Policy::Priority, jobs }
}
