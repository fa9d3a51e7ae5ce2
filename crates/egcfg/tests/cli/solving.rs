//! `solve`, `compare` and `demo` with the embedded model.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::run::{egcfg, folder, repository};

const PROMPT: &str = "reverse the list";
const TESTS: [&str; 3] = [
    "assert change([1, 2, 3]) == [3, 2, 1]",
    "assert change([4, -5]) == [-5, 4]",
    "assert change([7, 7, 0]) == [0, 7, 7]",
];

fn easy<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["solve", "--prompt", PROMPT];
    for test in TESTS {
        args.extend(["--test", test]);
    }
    args.extend(more);
    args
}

#[test]
fn the_program_goes_to_standard_output_and_passes() {
    let folder = folder(&[]);
    let ran = egcfg(folder.path(), &easy(&[]));
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.starts_with("def change("), "{}", ran.stdout);
    std::fs::write(folder.path().join("answer.py"), &ran.stdout).unwrap();
    let mut judge = vec!["judge", "answer.py"];
    judge.extend(TESTS.iter().flat_map(|test| ["--test", test]));
    assert_eq!(egcfg(folder.path(), &judge).code, Some(0));
}

#[test]
fn json_has_the_fields_of_a_results_file() {
    let folder = folder(&[]);
    let ran =
        egcfg(folder.path(), &easy(&["--json", "--gamma", "1", "--seed", "3", "--config", "ns2t0.8d4k1_ln"]));
    let object: Value = serde_json::from_str(&ran.stdout).unwrap();
    let keys: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "code",
        "results",
        "passed",
        "accuracy",
        "general_error",
        "has_testcase_error",
        "stats",
        "retry",
        "random_seed",
        "egcfg",
    ];
    assert_eq!(keys, expected);
    assert_eq!((&object["random_seed"], &object["egcfg"]["config"]), (&3.into(), &"ns2t0.8d4k1_ln".into()));
    assert_eq!(ran.code, Some(i32::from(object["passed"] != Value::Bool(true))));
    for key in ["start_time", "end_time", "input_tokens", "output_tokens", "duration"] {
        assert!(object["stats"][key].is_number(), "{key}");
    }
}

#[test]
fn the_same_seed_gives_the_same_events() {
    let folder = folder(&[]);
    let log = |name: &str| {
        let args = easy(&["--gamma", "1", "--events", name, "--config", "ns3t0.9d8k1_ln+om2r", "--exact"]);
        let _ = egcfg(folder.path(), &args);
        let text = std::fs::read_to_string(folder.path().join(name)).unwrap();
        let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        events
    };
    let (first, second) = (log("a.jsonl"), log("b.jsonl"));
    let tokens = |events: &[Value]| -> Vec<Value> {
        events.iter().filter(|e| e["event"] == "token").map(|e| e["id"].clone()).collect()
    };
    assert!(!tokens(&first).is_empty());
    assert_eq!(tokens(&first), tokens(&second));
    let kinds: BTreeSet<&str> = first.iter().filter_map(|e| e["event"].as_str()).collect();
    for kind in [
        "start",
        "guidance_started",
        "refresh",
        "candidates",
        "executions",
        "signal",
        "forward",
        "token",
        "line",
        "stopped",
        "verdict",
    ] {
        assert!(kinds.contains(kind), "{kind}");
    }
    assert_eq!((&first[0]["event"], &first[0]["version"]), (&"start".into(), &3.into()));
    // Readers differ in which of two values of one key they take.
    let start = std::fs::read_to_string(folder.path().join("a.jsonl")).unwrap();
    assert_eq!(start.lines().next().unwrap().matches("\"task\":").count(), 1);
}

#[test]
fn an_impossible_task_is_unsolved_and_the_best_program_is_printed() {
    let folder = folder(&[]);
    let tests = ["--test", "assert change([1]) == [1]", "--test", "assert change([1]) == [2]"];
    let args = [&["solve", "--prompt", PROMPT, "--gamma", "0,1"], tests.as_slice()].concat();
    let ran = egcfg(folder.path(), &args);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stdout.contains("def change("), "{}", ran.stdout);
    assert!(
        ran.stderr.contains("plain decoding: ") && ran.stderr.contains("of 2 tests pass"),
        "{}",
        ran.stderr
    );
}

#[test]
fn several_tasks_come_out_in_order() {
    let folder = folder(&[]);
    let path = repository("tools/pocket/dev.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let three: String = text.split_inclusive('\n').take(3).collect();
    std::fs::write(folder.path().join("tasks.jsonl"), three).unwrap();
    let ran = egcfg(folder.path(), &["solve", "tasks.jsonl", "--jobs", "2", "--json"]);
    let ids: Vec<Value> = ran
        .stdout
        .lines()
        .map(|l| serde_json::from_str::<Value>(l).unwrap()["egcfg"]["task"].clone())
        .collect();
    assert_eq!(ids, ["pocket/dev/0", "pocket/dev/1", "pocket/dev/2"]);
}

/// `compare` is a run that is kept like any other: what a kill left over is done, the rest is not done again, and the numbers
/// are those of the report.
#[test]
fn compare_resumes_where_it_was_cut() {
    let folder = folder(&[]);
    let tasks = repository("tools/pocket/dev.jsonl").display().to_string();
    let args = ["compare", &tasks, "--limit", "3", "--results", "kept", "--json"];
    let first = egcfg(folder.path(), &args);
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    let root = std::fs::read_dir(folder.path().join("kept/tasks")).unwrap().next().unwrap().unwrap().path();
    let results = || {
        let mut files: Vec<_> =
            std::fs::read_dir(root.join("plain")).unwrap().map(|f| f.unwrap().path()).collect();
        files.retain(|file| file.extension().is_some_and(|end| end == "json"));
        files.sort();
        files
    };
    let (files, before) = (results(), std::fs::read(&results()[1]).unwrap());
    assert_eq!(files.len(), 3);
    std::fs::remove_file(&files[0]).unwrap();
    let second = egcfg(folder.path(), &args);
    assert_eq!(second.code, Some(0), "{}", second.stderr);
    assert_eq!((results(), std::fs::read(&files[1]).unwrap()), (files.clone(), before));
    let summary = |text: &str| {
        let object: Value = serde_json::from_str(text).unwrap();
        assert_eq!(
            (&object["tasks"], object["comparisons"].as_array().unwrap().len()),
            (&3.into(), 3),
            "{object}"
        );
        let rows = object["rows"].as_array().unwrap().clone();
        rows.iter()
            .map(|row| (row["method"].clone(), row["score"].clone(), row["tokens"].clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(summary(&first.stdout), summary(&second.stdout));
    let report = egcfg(folder.path(), &["report", "kept", "--format", "json"]);
    let report: Value = serde_json::from_str(&report.stdout).unwrap();
    let rows = report["groups"][0]["rows"].as_array().unwrap();
    let reported: Vec<_> =
        rows.iter().map(|row| (row["method"].clone(), row["score"].clone(), row["tokens"].clone())).collect();
    assert_eq!(reported, summary(&second.stdout));
}

#[test]
fn the_demo_runs_on_held_out_tasks() {
    let folder = folder(&[]);
    let ran = egcfg(folder.path(), &["demo", "--tasks", "2"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(
        ran.stdout.contains("── task 2: ") && ran.stdout.contains("plain decoding solved"),
        "{}",
        ran.stdout
    );
}
