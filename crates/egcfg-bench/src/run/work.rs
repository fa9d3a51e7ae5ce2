//! One unit's work: write a program, grade it, put the result together. Nothing here touches claims.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use egcfg_grade::{Extent, grade};
use egcfg_guidance::{EventSink, ExecutionCache, Executor, GuidanceError, Session, Settings, Template};
use egcfg_model::{LanguageModel, ModelError};
use egcfg_python::PythonVersion;
use egcfg_task::{PromptType, Task, TestResult};
use serde::{Deserialize, Serialize};

use crate::config::Experiment;
use crate::result::{Ours, RESULT_VERSION, ResultFile, ResultStats};
use crate::run::grader::{Grader, SANDBOX};
use crate::run::plan::{Plan, Unit};

/// Version of [`ErrorRecord`]; raised on purpose when a field changes its meaning.
pub const ERROR_VERSION: u32 = 1;

/// The parts that do the work.
#[derive(Clone)]
pub struct Parts {
    /// Writes.
    pub model: Arc<dyn LanguageModel>,
    /// Runs, traces and judges.
    pub executor: Arc<dyn Executor>,
    /// Grades finished programs, where `executor` does not.
    pub grader: Option<Arc<dyn Grader>>,
    /// The prompts' templates.
    pub templates: HashMap<PromptType, Template>,
    /// Decides what is valid Python.
    pub python: PythonVersion,
    /// The interpreter's full version, for results.
    pub interpreter: String,
    /// Names of the protections in force, for results.
    pub protections: Vec<String>,
}

/// An infrastructure error, as it is kept beside the results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorRecord {
    /// [`ERROR_VERSION`].
    pub version: u32,
    /// The task's id.
    pub task: String,
    /// Folder and name of the unit.
    pub unit: String,
    /// Who met it.
    pub agent: String,
    /// The unit's how-manieth error.
    pub attempt: u32,
    /// `model`, `sandbox`, `prompt` or `grader`.
    pub kind: String,
    /// What happened.
    pub message: String,
    /// Whether trying again can help.
    pub permanent: bool,
    /// Seconds since 1970.
    pub time: f64,
}

/// Why a unit has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) kind: &'static str,
    pub(crate) message: String,
    /// Trying again gives the same.
    pub(crate) permanent: bool,
}

impl From<GuidanceError> for Trouble {
    fn from(error: GuidanceError) -> Self {
        let (kind, permanent) = match &error {
            GuidanceError::Model(ModelError::ContextOverflow { .. } | ModelError::BadRequest(_)) => {
                ("model", true)
            }
            GuidanceError::Model(_) => ("model", false),
            GuidanceError::Template(_) => ("prompt", true),
            _ => ("sandbox", false),
        };
        Self { kind, message: error.to_string(), permanent }
    }
}

/// What all units share.
pub(crate) struct Bench {
    pub(crate) parts: Parts,
    pub(crate) experiment: Experiment,
    pub(crate) tasks: Vec<Task>,
    pub(crate) plan: Arc<Plan>,
}

impl Bench {
    /// Carries out a unit.
    pub(crate) async fn carry_out(
        &self,
        unit: &Unit,
        budget: Option<usize>,
        cache: &ExecutionCache,
        events: &dyn EventSink,
    ) -> Result<ResultFile, Trouble> {
        let started = SystemTime::now();
        let (task, cell) = (&self.tasks[unit.task], &self.plan.cells[unit.cell]);
        let template = self.parts.templates.get(&cell.config.prompt).ok_or_else(|| Trouble {
            kind: "prompt",
            message: "no template for this prompt type".to_owned(),
            permanent: true,
        })?;
        let settings = Settings {
            config: cell.config,
            gamma: unit.gamma,
            retry: unit.retry,
            seed: self.experiment.seed,
            max_tokens: self.experiment.max_tokens,
            signal_style: self.experiment.signal_format,
            signal_tokens: self.experiment.signal_tokens,
            python: self.parts.python,
            ..Settings::default()
        };
        let (model, executor) = (&*self.parts.model, &*self.parts.executor);
        let session = Session { model, executor, template, task, cache, events };
        let outcome = cell.method.write(session, &settings, budget).await?;
        // Where the shown tests are the graded ones they need no second run.
        let (graded, grader) = match &self.parts.grader {
            Some(grader) => (self.grade(&**grader, task, &outcome.program).await?, grader.name()),
            None if task.graded_tests.is_empty() && !outcome.shown.is_empty() => {
                (outcome.shown.clone(), SANDBOX)
            }
            None => {
                let tests = task.grading_tests();
                let judged = grade(executor, task, &outcome.program, tests, Extent::Every).await;
                (judged.map_err(|error| Trouble::from(GuidanceError::from(error)))?, SANDBOX)
            }
        };
        scored("sandbox", graded.iter().chain(&outcome.shown))?;
        Ok(ResultFile {
            stats: Some(ResultStats::since(started, &outcome.stats)),
            retry: unit.retry,
            random_seed: Some(self.experiment.seed),
            egcfg: Some(Ours {
                version: RESULT_VERSION,
                task: task.id.clone(),
                dataset: Some(self.experiment.dataset.clone()),
                model: self.experiment.model.clone(),
                method: cell.method.name().to_owned(),
                config: unit.folder.clone(),
                gamma: unit.gamma,
                python: self.parts.interpreter.clone(),
                protections: self.parts.protections.clone(),
                grader: grader.to_owned(),
                stop: outcome.stop,
                guidance_began: outcome.began,
                shown_passed: Some(
                    !outcome.shown.is_empty() && outcome.shown.iter().all(|r| r.verdict.passed()),
                ),
                verdicts: graded.iter().map(|r| r.verdict.to_string()).collect(),
                unproven: graded.iter().filter(|r| r.unproven).count(),
                cost: outcome.stats,
                programs: outcome.programs,
                budget,
                ..Ours::default()
            }),
            ..ResultFile::judged(&outcome.program, task.grading_tests(), &graded)
        })
    }

    /// The last word of a grader other than the sandbox.
    async fn grade(
        &self,
        grader: &dyn Grader,
        task: &Task,
        program: &str,
    ) -> Result<Vec<TestResult>, Trouble> {
        let tests = task.grading_tests();
        let trouble = |message| Trouble { kind: "grader", message, permanent: false };
        let graded = grader.grade(task, program, tests).await.map_err(|error| trouble(error.to_string()))?;
        if graded.len() != tests.len() {
            return Err(trouble(format!("{} results for {} tests", graded.len(), tests.len())));
        }
        scored("grader", &graded)?;
        Ok(graded)
    }
}

/// An error where one of the verdicts says nothing about the program.
fn scored<'a>(kind: &'static str, results: impl IntoIterator<Item = &'a TestResult>) -> Result<(), Trouble> {
    match egcfg_grade::trouble(results) {
        Some(message) => Err(Trouble { kind, message, permanent: false }),
        None => Ok(()),
    }
}
