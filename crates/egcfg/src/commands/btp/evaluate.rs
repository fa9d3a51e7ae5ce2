//! How many held-out tasks a model solves greedily: one most probable program per task, judged by every test.

use std::path::Path;

use egcfg_task::Task;
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

/// Refuses held-out tasks that are among the training tasks: by their id, by what they ask and test, or by their program.
pub(super) fn disjoint(
    train: &[(Task, Option<String>)],
    held: &[(Task, Option<String>)],
    file: &Path,
) -> Result<(), Failure> {
    let form = |program: &Option<String>| {
        let program = program.as_deref()?;
        Some(
            egcfg_python::normal_form(program, egcfg_python::PythonVersion::default())
                .unwrap_or_else(|| program.to_owned()),
        )
    };
    for (task, program) in held {
        let own = form(program);
        let other = train.iter().find(|(other, reference)| {
            let same = other.prompt == task.prompt && other.shown_tests == task.shown_tests;
            other.id == task.id || same || (own.is_some() && own == form(reference))
        });
        if let Some((other, _)) = other {
            return Err(Failure::input(format!(
                "{}: the held-out task {} is among the training tasks, as {}",
                file.display(),
                task.id,
                other.id
            ))
            .hint("what is trained on must not be scored on: choose other tasks or another split"));
        }
    }
    Ok(())
}
