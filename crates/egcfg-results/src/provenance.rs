//! What a result was made with. Every result that egcfg writes (`run`, `solve`, `compare`, `judge`) gets its provenance from one
//! builder: [`Circumstances`], which all results of a process share, and the unit's own [`Work`].

use std::time::SystemTime;

use egcfg_guidance::{Stats, Stop, Template};
use egcfg_task::{ModelIdentity, Test, TestResult};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::result::{ResultFile, ResultStats};

/// Version of [`Provenance`]; raised on purpose when a field changes its meaning.
pub const RESULT_VERSION: u32 = 1;

/// A result's own fields of egcfg. Fields that older files lack have their defaults.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Provenance {
    /// [`RESULT_VERSION`].
    pub version: u32,
    /// The version of egcfg that wrote the result.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub program: String,
    /// The task's id.
    pub task: String,
    /// The data set's name, where the task is one of a data set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// The model's name.
    pub model: String,
    /// The model by its weights, or by what its server says; absent in files from before this was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<ModelIdentity>,
    /// The method's name; `eg_cfg` unless another was asked for.
    pub method: String,
    /// Canonical configuration name.
    pub config: String,
    /// Guidance strength.
    pub gamma: f64,
    /// The prompt template's name, and what it holds, hashed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub template: String,
    /// The interpreter's version.
    pub python: String,
    /// The sandbox's layer in force: `none`, `L0`, `L1` or `L2`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sandbox: String,
    /// The factor, 1 or more, by which limits of time grew because the machine was slow or busy; 0 where unknown.
    #[serde(skip_serializing_if = "is_nothing")]
    pub calibration: f64,
    /// Names of the protections in force.
    pub protections: Vec<String>,
    /// Who judged the tests in `results`: `sandbox`, or `exec_eval` for an ExecEval server; empty in files from before this
    /// was said.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub grader: String,
    /// Why the generation ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
    /// Whether guidance began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guidance_began: Option<bool>,
    /// Every shown test passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown_passed: Option<bool>,
    /// Verdicts of the tests in `results`, in order, in words.
    pub verdicts: Vec<String>,
    /// Tests whose verdict rests on the program's own process.
    #[serde(skip_serializing_if = "is_zero")]
    pub unproven: usize,
    /// What the unit cost.
    pub cost: Stats,
    /// Programs that the method wrote and judged by the shown tests; 0 where it was not counted.
    #[serde(skip_serializing_if = "is_zero")]
    pub programs: usize,
    /// The bound on generated tokens, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<usize>,
    /// The agent that did the work.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub agent: String,
    /// The claim under which it did, from 1; above 1 where a unit was taken over or given back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u32>,
    /// All attempts, where there was more than one (`solve` climbs a ladder of gammas).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<serde_json::Value>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_nothing(factor: &f64) -> bool {
    *factor == 0.0
}

/// What all results of one process have in common.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Circumstances {
    /// The data set's name, where the tasks are those of a data set.
    pub dataset: Option<String>,
    /// The model's name.
    pub model: String,
    /// The model by its weights, or by what its server says.
    pub identity: Option<ModelIdentity>,
    /// The interpreter's version.
    pub python: String,
    /// The sandbox's layer in force.
    pub sandbox: String,
    /// The factor by which limits of time grew.
    pub calibration: f64,
    /// Names of the protections in force.
    pub protections: Vec<String>,
    /// Base seed.
    pub seed: u64,
}

/// One unit's work and what came of it.
#[derive(Debug, Clone)]
pub struct Work<'a> {
    /// The task's id.
    pub task: &'a str,
    /// The method's name.
    pub method: &'a str,
    /// The configuration, or the folder that stands for it.
    pub config: String,
    /// See [`Provenance::template`].
    pub template: String,
    /// Guidance strength.
    pub gamma: f64,
    /// Repetition, from 0.
    pub retry: u32,
    /// When the work began.
    pub started: SystemTime,
    /// The program.
    pub code: &'a str,
    /// The tests that decide.
    pub tests: &'a [Test],
    /// What came of them, in order.
    pub graded: &'a [TestResult],
    /// Who says so.
    pub grader: &'a str,
    /// Every shown test passed.
    pub shown_passed: Option<bool>,
    /// Why the generation ended.
    pub stop: Option<Stop>,
    /// Whether guidance began.
    pub began: Option<bool>,
    /// What it cost.
    pub cost: Stats,
    /// Programs written and judged by the shown tests.
    pub programs: usize,
    /// The bound on generated tokens.
    pub budget: Option<usize>,
}

impl Circumstances {
    /// The result of a unit.
    pub fn result(&self, work: Work<'_>) -> ResultFile {
        ResultFile {
            stats: Some(ResultStats::since(work.started, &work.cost)),
            retry: work.retry,
            random_seed: Some(self.seed),
            egcfg: Some(Provenance {
                version: RESULT_VERSION,
                program: env!("CARGO_PKG_VERSION").to_owned(),
                task: work.task.to_owned(),
                dataset: self.dataset.clone(),
                model: self.model.clone(),
                identity: self.identity.clone(),
                method: work.method.to_owned(),
                config: work.config,
                gamma: work.gamma,
                template: work.template,
                python: self.python.clone(),
                sandbox: self.sandbox.clone(),
                calibration: self.calibration,
                protections: self.protections.clone(),
                grader: work.grader.to_owned(),
                stop: work.stop,
                guidance_began: work.began,
                shown_passed: work.shown_passed,
                verdicts: work.graded.iter().map(|result| result.verdict.to_string()).collect(),
                unproven: work.graded.iter().filter(|result| result.unproven).count(),
                cost: work.cost,
                programs: work.programs,
                budget: work.budget,
                ..Provenance::default()
            }),
            ..ResultFile::judged(work.code, work.tests, work.graded)
        }
    }
}

/// A template's name with a hash of everything that it holds: two templates of one name are told apart.
pub fn template_name(template: &Template) -> String {
    let digest = Sha256::digest(format!("{template:?}").as_bytes());
    let hash = digest.iter().take(6).fold(0_u64, |hash, byte| hash << 8 | u64::from(*byte));
    format!("{} {hash:012x}", template.name)
}
