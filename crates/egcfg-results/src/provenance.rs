//! What a result was made with.

use egcfg_guidance::{Stats, Stop};
use egcfg_task::ModelIdentity;
use serde::{Deserialize, Serialize};

/// Version of [`Provenance`]; raised on purpose when a field changes its meaning.
pub const RESULT_VERSION: u32 = 1;

/// A program that was a method's answer from some number of generated tokens on, until the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// Generated tokens of the task by then.
    pub tokens: usize,
    /// Its graded tests pass.
    pub passed: bool,
}

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
    /// What was the answer from when on, for methods that find programs one after the other; the last one is the result's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<Answered>,
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
