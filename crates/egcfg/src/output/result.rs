//! One task's result as JSON: the fields of a results file that the method's users know, and ours under one versioned key.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use egcfg_guidance::{Attempt, Solution};
use egcfg_task::{Task, TestResult};
use serde_json::{Map, Value, json};

/// Version of the `egcfg` object; raised on purpose when a field changes its meaning.
const RESULT_VERSION: u32 = 1;

/// When a task's work began and what it was told.
pub(crate) struct Circumstances {
    pub(crate) started: SystemTime,
    pub(crate) config: String,
    pub(crate) model: String,
    pub(crate) seed: u64,
    pub(crate) python: String,
    /// Names of the protections in force.
    pub(crate) protections: Vec<&'static str>,
}

/// The result of solving a task.
pub(crate) fn solved(task: &Task, solution: &Solution, about: &Circumstances) -> Value {
    let Some(best) = solution.best() else { return Value::Null };
    let stats = solution.stats();
    let ended = SystemTime::now();
    let mut object = base(task, &best.generation.program, &best.results);
    object.insert(
        "stats".into(),
        json!({
            "start_time": epoch(about.started),
            "end_time": epoch(ended),
            "input_tokens": stats.prompt_tokens,
            "output_tokens": stats.generated_tokens(),
            "duration": ended.duration_since(about.started).unwrap_or_default().as_secs_f64(),
        }),
    );
    object.insert("retry".into(), json!(best.retry));
    object.insert("random_seed".into(), json!(about.seed));
    object.insert(
        "egcfg".into(),
        json!({
            "version": RESULT_VERSION,
            "task": task.id,
            "model": about.model,
            "config": about.config,
            "gamma": best.gamma,
            "python": about.python,
            "protections": about.protections,
            "stop": best.generation.stop,
            "guidance_began": best.generation.began,
            "verdicts": best.results.iter().map(|r| r.verdict.to_string()).collect::<Vec<_>>(),
            "cost": stats,
            "attempts": solution.attempts.iter().map(attempt).collect::<Vec<_>>(),
        }),
    );
    Value::Object(object)
}

/// The fields that every judged program has.
pub(crate) fn base(task: &Task, code: &str, results: &[TestResult]) -> Map<String, Value> {
    let passes = results.iter().filter(|r| r.verdict.passed()).count();
    let mut tests = Map::new();
    for (test, result) in task.shown_tests.iter().zip(results) {
        let entry =
            json!({ "result": result.verdict.passed(), "time": result.seconds, "error": result.error });
        tests.insert(test.key().to_owned(), entry);
    }
    let infrastructure = results.iter().find(|r| !r.verdict.is_scored());
    let mut object = Map::new();
    object.insert("code".into(), json!(code));
    object.insert("results".into(), Value::Object(tests));
    object.insert("passed".into(), json!(!results.is_empty() && passes == results.len()));
    object.insert("accuracy".into(), json!(passes as f64 / results.len().max(1) as f64));
    object.insert("general_error".into(), json!(infrastructure.map(|r| r.verdict.to_string())));
    object.insert("has_testcase_error".into(), json!(results.iter().any(|r| r.error.is_some())));
    object
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

fn epoch(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs_f64()
}
