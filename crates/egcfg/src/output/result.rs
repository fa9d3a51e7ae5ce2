//! What all results of one command have in common, and what `solve --json` prints for one task: a results file.

use std::time::SystemTime;

use egcfg_grade::SandboxExecutor;
use egcfg_guidance::{Attempt, Solution, Stats};
use egcfg_model::LanguageModel;
use egcfg_results::{Circumstances, ResultFile, Work};
use egcfg_task::{Task, TestResult};
use serde_json::{Value, json};

use crate::exit::Failure;
use crate::output::progress::Best;

/// Model, interpreter and sandbox of this process.
pub(crate) fn circumstances(
    model: &dyn LanguageModel,
    runner: &SandboxExecutor,
    dataset: Option<String>,
    seed: u64,
) -> Result<Circumstances, Failure> {
    Ok(Circumstances {
        dataset,
        model: model.info().name.clone(),
        identity: Some(model.identity()?),
        seed,
        ..without_model(runner)
    })
}

/// Interpreter and sandbox of this process.
fn without_model(runner: &SandboxExecutor) -> Circumstances {
    let sandbox = &runner.sandbox;
    let protections = sandbox.protections().iter().filter(|protection| protection.in_force());
    Circumstances {
        python: sandbox.interpreter().version.clone(),
        sandbox: sandbox.level().to_string(),
        calibration: sandbox.calibration(),
        protections: protections.map(|protection| protection.name.to_owned()).collect(),
        ..Circumstances::default()
    }
}

/// The result of judging a program that exists, as one line of JSON: a results file with a verdict per test.
pub(crate) fn judged(
    task: &Task,
    source: &str,
    results: &[TestResult],
    runner: &SandboxExecutor,
    started: SystemTime,
) -> String {
    let file = without_model(runner).result(Work {
        task: &task.id,
        method: "judge",
        config: String::new(),
        template: String::new(),
        gamma: 0.0,
        retry: 0,
        started,
        code: source,
        tests: &task.shown_tests,
        graded: results,
        grader: "sandbox",
        shown_passed: None,
        stop: None,
        began: None,
        cost: Stats { programs: 1, ..Stats::default() },
        answers: Vec::new(),
        budget: None,
    });
    let mut object = serde_json::to_value(&file).unwrap_or_default();
    object["verdicts"] = json!(results);
    object.to_string() + "\n"
}

/// The result of solving a task, as one line of JSON.
pub(crate) fn solved(
    task: &Task,
    best: &Attempt,
    solution: &Solution,
    about: &Circumstances,
    (config, template, started): (String, String, SystemTime),
) -> String {
    let mut file = about.result(Work {
        task: &task.id,
        method: "eg_cfg",
        config,
        template,
        gamma: best.gamma,
        retry: best.retry,
        started,
        code: &best.generation.program,
        tests: &task.shown_tests,
        graded: &best.results,
        grader: "sandbox",
        shown_passed: Some(best.passed()),
        stop: Some(best.generation.stop),
        began: Some(best.generation.began),
        cost: solution.stats(),
        budget: None,
        answers: Vec::new(),
    });
    if let Some(ours) = &mut file.egcfg {
        ours.attempts = solution.attempts.iter().map(attempt).collect();
    }
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
