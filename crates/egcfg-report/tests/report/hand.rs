//! Results folders written by hand, cell by cell.

use std::path::Path;

use serde_json::{Value, json};

/// A result: passed, shown tests passed, tokens.
pub(crate) fn result(passed: bool, shown: bool, tokens: usize) -> Value {
    json!({
        "code": "def f(x):\n    return x\n",
        "results": {"assert f(1) == 1": {"result": passed, "time": 0.01, "error": null}},
        "passed": passed, "accuracy": f64::from(u8::from(passed)), "general_error": null, "has_testcase_error": false,
        "stats": {"start_time": 1.0, "end_time": 2.0, "input_tokens": 5, "output_tokens": tokens, "duration": 1.0},
        "retry": 0, "random_seed": 0,
        "egcfg": {"version": 1, "method": "eg_cfg", "shown_passed": shown, "cost": {
            "accepted_tokens": tokens, "sampled_tokens": 0, "prompt_tokens": 5, "computed_tokens": 3 * tokens, "cached_tokens": 0,
            "guided_forwards": 4, "plain_forwards": 1, "guided_tokens": 0, "changed_tokens": 2, "guided_lines": 0, "refreshes": 0,
            "candidates": 0, "executions": 0, "execution_seconds": 0.0}}
    })
}

/// The same result of another method.
pub(crate) fn of_method(method: &str, mut value: Value) -> Value {
    value["egcfg"]["method"] = json!(method);
    value
}

/// A result that is an infrastructure error.
pub(crate) fn broken() -> Value {
    let mut value = result(false, false, 10);
    value["general_error"] = json!("sandbox unavailable");
    value
}

/// A result as another program wrote it: the known fields only.
pub(crate) fn foreign(passed: bool) -> Value {
    let mut value = result(passed, passed, 7);
    value.as_object_mut().unwrap().remove("egcfg");
    value
}

/// Writes a result into `<results>/<dataset>/m/<configuration>/`.
pub(crate) fn put(results: &Path, dataset: &str, configuration: &str, task: &str, gamma: f64, value: &Value) {
    let folder = results.join(dataset).join("m").join(configuration);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("task_id={task}_gamma={gamma:?}.json")), value.to_string()).unwrap();
}

/// Writes the experiment's own file.
pub(crate) fn experiment(
    results: &Path,
    dataset: &str,
    tasks: usize,
    configurations: &[&str],
    gammas: &[f64],
    until_solved: bool,
) {
    let folder = results.join(dataset).join("m");
    std::fs::create_dir_all(&folder).unwrap();
    let text = format!(
        "tasks = {tasks}\nmethods = [\"eg_cfg\"]\nconfigurations = {configurations:?}\ngammas = {gammas:?}\nretries = 0\nuntil_solved = {until_solved}\n"
    );
    std::fs::write(folder.join("experiment.toml"), text).unwrap();
}
