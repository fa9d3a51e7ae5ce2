//! Teachers for distillation: the model itself, after it has read what its own programs did. The block of an example holds
//! failed programs of the same task; where the example's program failed too, a passing one stands behind them.

use std::collections::HashMap;

use egcfg_guidance::{ExecutionCache, Executor, NoEvents, Session, Settings, Template, guided_prompt_tokens};
use egcfg_model::LanguageModel;
use egcfg_task::Task;

use crate::error::TuneError;
use crate::replay::{Buffer, Experience};
use crate::train::Example;

/// Failed programs that a block shows at most.
const FAILED: usize = 3;

/// What teachers are made with.
#[derive(Clone, Copy)]
pub struct Teaching<'a> {
    /// Runs the programs, for their traces.
    pub executor: &'a dyn Executor,
    /// How a block is written.
    pub settings: &'a Settings,
    /// All programs that are known of the tasks.
    pub buffer: &'a Buffer,
}

impl std::fmt::Debug for Teaching<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Teaching").field("settings", self.settings).finish_non_exhaustive()
    }
}

/// Gives each example its teacher's prompt. `drawn` holds the experience of every example, in order. Examples of tasks
/// without a failed program have nothing to be taught by: they are left out, and counted.
pub async fn with_teachers(
    teaching: Teaching<'_>,
    drawn: &[&Experience],
    examples: Vec<Example>,
    tasks: &[Task],
    (model, template): (&dyn LanguageModel, &Template),
) -> Result<(Vec<Example>, usize), TuneError> {
    // By task: the same program runs other calls for another one.
    let mut caches: HashMap<&str, ExecutionCache> = HashMap::new();
    let (mut taught, mut without) = (Vec::with_capacity(examples.len()), 0);
    for (experience, example) in drawn.iter().zip(examples) {
        let Some(task) = tasks.iter().find(|task| task.id == example.task_id) else { continue };
        let failed = |reason: String| TuneError::Task { task: task.id.clone(), reason };
        let shown = shown(teaching.buffer, experience);
        let executor = teaching.executor;
        let cache = &*caches.entry(task.id.as_str()).or_default();
        let session = Session { model, executor, template, task, cache, events: &NoEvents };
        let prompt = if shown.is_empty() {
            None
        } else {
            let room = example.answer.len();
            let prompt = guided_prompt_tokens(session, teaching.settings, &shown, room).await;
            prompt.map_err(|error| failed(error.to_string()))?
        };
        match prompt {
            Some(prompt) => taught.push(Example { teacher: Some(prompt), ..example }),
            None => without += 1,
        }
    }
    Ok((taught, without))
}

/// The programs in the block of an example: the most probable failed ones of its task, its own among them where it failed, and
/// then the most probable passing one in that case alone. A program that passes is not shown to its own teacher: there would
/// be nothing to find.
fn shown<'a>(buffer: &'a Buffer, own: &Experience) -> Vec<&'a str> {
    let mut known: Vec<&Experience> =
        buffer.entries().filter(|entry| entry.problem_id == own.problem_id).collect();
    known.sort_by(|a, b| b.possibility.total_cmp(&a.possibility));
    let mut failed: Vec<&Experience> = known.iter().copied().filter(|entry| !entry.passes()).collect();
    if failed.is_empty() {
        return Vec::new();
    }
    // Its own program first: what it did is what is to be learned from.
    failed.sort_by_key(|entry| entry.key() != own.key());
    let mut shown: Vec<&str> = failed.into_iter().take(FAILED).map(|entry| entry.code.as_str()).collect();
    if !own.passes() {
        shown.extend(known.iter().find(|entry| entry.passes()).map(|entry| entry.code.as_str()));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn experience(task: &str, code: &str, possibility: f64, pass_rate: f64) -> Experience {
        serde_json::from_value(serde_json::json!({
            "problem_id": task, "code": code, "possibility": possibility, "pass_rate": pass_rate,
        }))
        .unwrap()
    }

    #[test]
    fn a_block_holds_what_failed_and_for_a_failed_program_what_passed() {
        let mut buffer = Buffer::default();
        for (task, code, possibility, rate) in [
            ("t", "bad 1", 0.2, 0.0),
            ("t", "bad 2", 0.9, 0.5),
            ("t", "good 1", 0.4, 1.0),
            ("t", "good 2", 0.8, 1.0),
            ("other", "bad of another", 0.9, 0.0),
            ("solved", "good", 0.9, 1.0),
        ] {
            buffer.add(experience(task, code, possibility, rate));
        }
        let of = |code: &str, task: &str, rate| shown(&buffer, &experience(task, code, 0.5, rate));
        assert_eq!(of("good 1", "t", 1.0), ["bad 2", "bad 1"]);
        assert_eq!(of("bad 1", "t", 0.0), ["bad 1", "bad 2", "good 2"]);
        assert_eq!(of("good", "solved", 1.0), [""; 0]);
    }
}
