//! The one builder of results. Every result that egcfg writes (`run`, `solve`, `compare`) gets its provenance from
//! [`Circumstances`], which all results of a process share, and the unit's own [`Work`].

use std::time::SystemTime;

use egcfg_guidance::{Stats, Stop, Template};
use egcfg_task::{ModelIdentity, Test, TestResult};
use sha2::{Digest as _, Sha256};

use crate::provenance::{Answered, Provenance, RESULT_VERSION};
use crate::result::{ResultFile, ResultStats};

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
    /// The bound on generated tokens.
    pub budget: Option<usize>,
    /// See [`Provenance::answers`].
    pub answers: Vec<Answered>,
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
                programs: work.cost.programs,
                budget: work.budget,
                answers: work.answers,
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
