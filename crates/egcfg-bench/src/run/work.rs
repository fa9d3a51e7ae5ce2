//! One unit's work: write a program, grade it, put the result together. Nothing here touches claims.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use egcfg_grade::{Extent, Outcome, grade};
use egcfg_guidance::{EventSink, ExecutionCache, Executor, GuidanceError, Session, Settings, Template};
use egcfg_model::{LanguageModel, ModelError};
use egcfg_python::PythonVersion;
use egcfg_results::{Answered, Circumstances, Experiment, ResultFile, Work, template_name};
use egcfg_task::{PromptType, Task, TestResult};

use crate::method::MethodOutcome;
use crate::run::grader::{Grader, SANDBOX};
use crate::run::plan::{Plan, Unit};

/// The parts that do the work.
#[derive(Clone)]
pub struct Parts {
    /// The model that the methods ask.
    pub model: Arc<dyn LanguageModel>,
    /// Runs, traces and judges.
    pub executor: Arc<dyn Executor>,
    /// Grades finished programs, where `executor` does not.
    pub grader: Option<Arc<dyn Grader>>,
    /// The prompts' templates.
    pub templates: HashMap<PromptType, Template>,
    /// Decides what is valid Python.
    pub python: PythonVersion,
    /// What all results have in common.
    pub circumstances: Circumstances,
}

/// Why a unit has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnitError {
    pub(crate) kind: &'static str,
    pub(crate) message: String,
    /// Trying again gives the same.
    pub(crate) permanent: bool,
}

impl From<GuidanceError> for UnitError {
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
    ) -> Result<ResultFile, UnitError> {
        let started = SystemTime::now();
        let (task, cell) = (&self.tasks[unit.task], &self.plan.cells[unit.cell]);
        let template = self.parts.templates.get(&cell.config.prompt).ok_or_else(|| UnitError {
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
                (judged.map_err(|error| UnitError::from(GuidanceError::from(error)))?, SANDBOX)
            }
        };
        scored("sandbox", graded.iter().chain(&outcome.shown))?;
        let passed = TestResult::all_pass(&graded);
        let answers = self.answers(task, &outcome, passed).await?;
        let shown = &outcome.shown;
        Ok(self.parts.circumstances.result(Work {
            task: &task.id,
            method: cell.method.facts().name,
            config: unit.folder.clone(),
            template: template_name(template),
            gamma: unit.gamma,
            retry: unit.retry,
            started,
            code: &outcome.program,
            tests: task.grading_tests(),
            graded: &graded,
            grader,
            shown_passed: Some(TestResult::all_pass(shown)),
            stop: outcome.stop,
            began: outcome.began,
            cost: outcome.stats,
            budget,
            answers,
        }))
    }

    /// Grades what was the answer before the last one too: a curve over tokens spent is read from it.
    async fn answers(
        &self,
        task: &Task,
        outcome: &MethodOutcome,
        passed: bool,
    ) -> Result<Vec<Answered>, UnitError> {
        let mut known: HashMap<&str, bool> = HashMap::from([(outcome.program.as_str(), passed)]);
        let mut answers = Vec::with_capacity(outcome.answers.len());
        for (tokens, program) in &outcome.answers {
            let passed = match known.get(program.as_str()) {
                Some(passed) => *passed,
                None => self.passes(task, program).await?,
            };
            known.insert(program, passed);
            answers.push(Answered { tokens: *tokens, passed });
        }
        Ok(answers)
    }

    /// Whether a program passes the graded tests.
    async fn passes(&self, task: &Task, program: &str) -> Result<bool, UnitError> {
        let tests = task.grading_tests();
        let results = match &self.parts.grader {
            Some(grader) => self.grade(&**grader, task, program).await?,
            None => grade(&*self.parts.executor, task, program, tests, Extent::UntilSettled)
                .await
                .map_err(|error| UnitError::from(GuidanceError::from(error)))?,
        };
        scored("sandbox", &results)?;
        Ok(Outcome::of(&results, tests.len()) == Outcome::Passed)
    }

    /// The last word of a grader other than the sandbox.
    async fn grade(
        &self,
        grader: &dyn Grader,
        task: &Task,
        program: &str,
    ) -> Result<Vec<TestResult>, UnitError> {
        let tests = task.grading_tests();
        let failed = |message| UnitError { kind: "grader", message, permanent: false };
        let graded = grader.grade(task, program, tests).await.map_err(|error| failed(error.to_string()))?;
        if graded.len() != tests.len() {
            return Err(failed(format!("{} results for {} tests", graded.len(), tests.len())));
        }
        scored("grader", &graded)?;
        Ok(graded)
    }
}

/// An error where one of the verdicts says nothing about the program.
fn scored<'a>(
    kind: &'static str,
    results: impl IntoIterator<Item = &'a TestResult>,
) -> Result<(), UnitError> {
    match egcfg_grade::trouble(results) {
        Some(message) => Err(UnitError { kind, message, permanent: false }),
        None => Ok(()),
    }
}
