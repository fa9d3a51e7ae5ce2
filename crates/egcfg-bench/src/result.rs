//! A results file: the fields that the method's users know, in their order, and ours under one versioned key.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use egcfg_guidance::{Stats, Stop};
use egcfg_task::{Test, TestResult};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// Version of [`Ours`]; raised on purpose when a field changes its meaning.
pub const RESULT_VERSION: u32 = 1;

/// One result: a program for a task at one configuration and gamma, and what its tests say.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ResultFile {
    /// The program.
    pub code: String,
    /// Per test (by its text, in order) what came of it.
    pub results: IndexMap<String, TestEntry>,
    /// Every test passed, and there is one.
    pub passed: bool,
    /// Share of passing tests, 0 to 1.
    pub accuracy: f64,
    /// An infrastructure error; such a result is not scored.
    #[serde(default)]
    pub general_error: Option<String>,
    /// Some test has an error message.
    #[serde(default)]
    pub has_testcase_error: bool,
    /// Times and tokens.
    #[serde(default)]
    pub stats: Option<ResultStats>,
    /// The repetition, from 0.
    #[serde(default)]
    pub retry: u32,
    /// The base seed.
    #[serde(default)]
    pub random_seed: Option<u64>,
    /// What only egcfg knows; absent in files of other programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egcfg: Option<Ours>,
}

/// One test's entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestEntry {
    /// It passed.
    pub result: bool,
    /// Wall time in seconds.
    pub time: f64,
    /// What went wrong.
    pub error: Option<String>,
}

/// Times as seconds since 1970, durations in seconds, tokens as counts.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct ResultStats {
    /// When work on the unit began.
    pub start_time: f64,
    /// When it ended.
    pub end_time: f64,
    /// Prompt tokens.
    pub input_tokens: usize,
    /// Generated tokens: accepted and sampled.
    pub output_tokens: usize,
    /// Seconds.
    pub duration: f64,
}

/// Our own fields.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Ours {
    /// [`RESULT_VERSION`].
    pub version: u32,
    /// The task's id.
    pub task: String,
    /// The data set's name, where the task is one of a data set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// The model's name.
    pub model: String,
    /// The method's name; `eg_cfg` unless another was asked for.
    pub method: String,
    /// Canonical configuration name.
    pub config: String,
    /// Guidance strength.
    pub gamma: f64,
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

impl ResultFile {
    /// A program and the results of `tests`, without times or our own fields.
    pub fn judged(code: &str, tests: &[Test], results: &[TestResult]) -> Self {
        let passes = results.iter().filter(|r| r.verdict.passed()).count();
        let entry = |r: &TestResult| TestEntry {
            result: r.verdict.passed(),
            time: r.seconds,
            error: r.error.clone(),
        };
        let broken = results.iter().find(|r| r.verdict.is_infrastructure());
        Self {
            code: code.to_owned(),
            results: tests.iter().zip(results).map(|(t, r)| (t.key().to_owned(), entry(r))).collect(),
            passed: !results.is_empty() && passes == results.len(),
            accuracy: passes as f64 / results.len().max(1) as f64,
            general_error: broken.map(|r| r.verdict.to_string()),
            has_testcase_error: results.iter().any(|r| r.error.is_some()),
            ..Self::default()
        }
    }
}

impl ResultStats {
    /// From `started` until now, at this cost.
    pub fn since(started: SystemTime, cost: &Stats) -> Self {
        let ended = SystemTime::now();
        Self {
            start_time: epoch(started),
            end_time: epoch(ended),
            input_tokens: cost.prompt_tokens,
            output_tokens: cost.generated_tokens(),
            duration: ended.duration_since(started).unwrap_or_default().as_secs_f64(),
        }
    }
}

fn epoch(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs_f64()
}
