//! What `solve --json` prints for one task: a results file.

use std::time::SystemTime;

use egcfg_bench::result::{Ours, RESULT_VERSION, ResultFile, ResultStats};
use egcfg_guidance::{Attempt, Solution};
use egcfg_task::Task;
use serde_json::{Value, json};

use crate::output::progress::Best;

/// When a task's work began and what it was told.
pub(crate) struct Circumstances {
    pub(crate) started: SystemTime,
    pub(crate) config: String,
    pub(crate) model: String,
    pub(crate) seed: u64,
    pub(crate) python: String,
    /// The sandbox's layer in force.
    pub(crate) sandbox: String,
    /// The factor by which limits of time have grown.
    pub(crate) calibration: f64,
    /// Names of the protections in force.
    pub(crate) protections: Vec<String>,
}

/// The result of solving a task, as one line of JSON.
pub(crate) fn solved(task: &Task, best: &Attempt, solution: &Solution, about: Circumstances) -> String {
    let cost = solution.stats();
    let file = ResultFile {
        stats: Some(ResultStats::since(about.started, &cost)),
        retry: best.retry,
        random_seed: Some(about.seed),
        egcfg: Some(Ours {
            version: RESULT_VERSION,
            task: task.id.clone(),
            model: about.model,
            method: "eg_cfg".into(),
            config: about.config,
            gamma: best.gamma,
            python: about.python,
            sandbox: about.sandbox,
            calibration: about.calibration,
            protections: about.protections,
            stop: Some(best.generation.stop),
            guidance_began: Some(best.generation.began),
            shown_passed: Some(best.passed()),
            verdicts: best.results.iter().map(|r| r.verdict.to_string()).collect(),
            unproven: best.results.iter().filter(|r| r.unproven).count(),
            cost,
            attempts: solution.attempts.iter().map(attempt).collect(),
            ..Ours::default()
        }),
        ..ResultFile::judged(&best.generation.program, &task.shown_tests, &best.results)
    };
    serde_json::to_string(&file).unwrap_or_default() + "\n"
}

/// The best program of a task whose work was broken off, as one line of JSON: a results file without costs.
pub(crate) fn broken_off(task: &Task, best: &Best) -> String {
    let file = ResultFile::judged(&best.program, &task.shown_tests, &best.results);
    let mut object = serde_json::to_value(&file).unwrap_or_default();
    object["interrupted"] = json!(true);
    object["task"] = json!(task.id);
    object.to_string() + "\n"
}

fn attempt(attempt: &Attempt) -> Value {
    json!({
        "gamma": attempt.gamma,
        "retry": attempt.retry,
        "passed": attempt.passed(),
        "passes": attempt.passes(),
        "stop": attempt.generation.stop,
        "code": attempt.generation.program,
        "cost": attempt.generation.stats,
    })
}
