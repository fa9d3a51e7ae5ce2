//! Sampling one task: the tree's programs, graded.

use egcfg_grade::{Extent, grade, trouble};
use egcfg_guidance::{Choosing, GuidanceError, Limits, Policy, Search, Session, Settings, search};
use egcfg_model::{LanguageModel, ModelError};
use egcfg_task::TestResult;
use sha2::{Digest as _, Sha256};

use super::log::{SAMPLE_VERSION, SampledTask};
use crate::error::TuneError;
use crate::replay::{EXPERIENCE_VERSION, Experience, p2value, possibility};

/// What is sampled of each task.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleSettings {
    /// Programs per task.
    pub num_beams: usize,
    /// How the tree grows: beams, the most probable beginnings first, draws without or with replacement.
    pub policy: Policy,
    /// Alpha of the P2 value that is written beside each program.
    pub p2value_alpha: f64,
    /// Round of sampling, from 0.
    pub iteration: usize,
    /// Identity of the model, adapters included.
    pub model: String,
    /// [`vocabulary`] of the model.
    pub vocabulary: String,
}

/// A hash of what every token number of a model stands for: models that share it can learn from each other's tokens.
pub fn vocabulary(model: &dyn LanguageModel) -> String {
    let mut hash = Sha256::new();
    for token in 0..model.info().vocab as u32 {
        let bytes = model.token_bytes(token);
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    }
    for token in &model.info().end_tokens {
        hash.update(token.to_le_bytes());
    }
    hash.finalize().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Whose fault it is that a task was not sampled. A prompt that does not fit is the task's own; another task may fit.
fn failure(task: &str, error: &GuidanceError) -> TuneError {
    let (task, reason) = (task.to_owned(), error.to_string());
    match error {
        GuidanceError::Model(ModelError::ContextOverflow { .. }) | GuidanceError::Template(_) => {
            TuneError::Task { task, reason }
        }
        GuidanceError::Executor(_) => TuneError::Sandbox { task, reason },
        _ => TuneError::Model { task, reason },
    }
}

/// Samples and grades the programs of the session's task. Programs that were cut by a limit are left out: they have no end
/// to learn from. A sandbox that failed is an error, never a failed program.
pub async fn sample_task(
    session: Session<'_>,
    settings: &Settings,
    sample: &SampleSettings,
) -> Result<SampledTask, TuneError> {
    let task = session.task;
    let sandbox = |reason: String| TuneError::Sandbox { task: task.id.clone(), reason };
    let plan = Search {
        policy: sample.policy,
        width: sample.num_beams,
        greedy_first: false,
        bonus: 0.0,
        // Replay wants programs that fail as well.
        stop_on_pass: false,
        choosing: Choosing::First,
        dead_ends: false,
        equal_states: false,
        limits: Limits { programs: Some(sample.num_beams), ..Limits::default() },
    };
    let searched = search(session, settings, &plan).await.map_err(|error| failure(&task.id, &error))?;
    let mut experiences: Vec<Experience> = Vec::new();
    for program in searched.programs().into_iter().filter(|program| program.finished) {
        if experiences.iter().any(|other| other.normal_form == program.normal) {
            continue;
        }
        let tests = task.grading_tests();
        let results = grade(session.executor, task, &program.text, tests, Extent::Every)
            .await
            .map_err(|error| sandbox(error.to_string()))?;
        if let Some(trouble) = trouble(&results) {
            return Err(sandbox(trouble));
        }
        let passed = TestResult::passes(&results);
        let possibility = possibility(&program.log_probs);
        let pass_rate = passed as f64 / tests.len().max(1) as f64;
        experiences.push(Experience {
            version: EXPERIENCE_VERSION,
            problem_id: task.id.clone(),
            problem_text: task.prompt.clone(),
            code: program.text,
            possibility,
            pass_rate,
            passed_tests: passed,
            total_tests: tests.len(),
            test_results: results.iter().map(|result| result.verdict.to_string()).collect(),
            beam_rank: 0,
            p2value: p2value(sample.p2value_alpha, possibility, pass_rate),
            normal_form: program.normal,
            tokens: program.tokens,
            vocabulary: sample.vocabulary.clone(),
            model: sample.model.clone(),
            iteration: sample.iteration,
        });
    }
    experiences.sort_by(|a, b| b.possibility.total_cmp(&a.possibility));
    for (rank, experience) in experiences.iter_mut().enumerate() {
        experience.beam_rank = rank;
    }
    Ok(SampledTask {
        version: SAMPLE_VERSION,
        task_id: task.id.clone(),
        generated_tokens: searched.tree.generated(),
        experiences,
    })
}
