//! `egcfg data` and `egcfg eval` as a user runs them, on tiny files of our own.
#![allow(clippy::unwrap_used, reason = "what a helper cannot have fails the test")]

#[path = "cli/run.rs"]
#[allow(dead_code, reason = "the other commands' tests use the rest of it")]
mod run;

use run::{Ran, egcfg, folder, repository};
use serde_json::{Value, json};

fn data(name: &str) -> String {
    repository("crates/egcfg-bench/tests/data").join(name).display().to_string()
}

fn parsed(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}{}", ran.stdout, ran.stderr))
}

#[test]
fn the_list_names_source_licence_and_checksum() {
    let folder = folder(&[]);
    let ran = egcfg(folder.path(), &["data", "list"]);
    assert_eq!(ran.code, Some(0));
    for word in ["mbpp+", "ds1000", "CC-BY-4.0", "https://github.com/openai/human-eval", "ccf64ceae9c5403b"] {
        assert!(ran.stdout.contains(word), "{word}\n{}", ran.stdout);
    }
    let list = parsed(&egcfg(folder.path(), &["data", "list", "--json"]));
    assert_eq!(list.as_array().unwrap().len(), 8);
    assert!(
        list.as_array().unwrap().iter().all(|set| set["licence"].is_string() && set["source"].is_string())
    );
}

#[test]
fn verify_exits_by_what_is_new() {
    let folder = folder(&[]);
    let mbpp = data("mbpp.jsonl");
    let ran = egcfg(folder.path(), &["data", "verify", "--dataset", "mbpp", "--data", &mbpp, "--json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let report = parsed(&ran);
    assert_eq!((&report["passed"], &report["failed"]), (&json!(3), &json!(1)));
    assert_eq!(report["failures"][0]["task"], "600");
    assert!(ran.stderr.contains("warning: ") && ran.stderr.contains("its sha256 is"), "{}", ran.stderr);
    assert!(ran.stderr.contains("references: 4 of 4"), "{}", ran.stderr);
    let ran =
        egcfg(folder.path(), &["data", "verify", "--dataset", "mbpp", "--data", &mbpp, "--ids", "3..12"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.starts_with("mbpp: 3 of 3 reference solutions pass on Python 3."), "{}", ran.stdout);
    let own = data("tasks.jsonl");
    let ran = egcfg(folder.path(), &["data", "verify", "--dataset", "tasks", "--data", &own, "--json"]);
    assert_eq!((ran.code, &parsed(&ran)["passed"]), (Some(0), &json!(2)), "{}", ran.stderr);
}

#[test]
fn eval_scores_writes_and_resumes() {
    let lines = [
        json!({"task_id": "Mbpp/11", "solution": "def double_all(items):\n    return [2 * n for n in items]\n"}),
        json!({"task_id": "Mbpp/12", "solution": "def chain_sum(link):\n    return 3\n"}),
    ];
    let samples = lines.map(|line| line.to_string() + "\n").concat();
    let folder = folder(&[("samples.jsonl", &samples)]);
    let mbpp = data("mbpp.jsonl");
    let args = [
        "eval",
        "--dataset",
        "mbpp",
        "--data",
        &mbpp,
        "--samples",
        "samples.jsonl",
        "--out",
        "eval_results.json",
        "--json",
    ];
    let ran = egcfg(folder.path(), &args);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let summary = parsed(&ran);
    assert_eq!((&summary["solved"], &summary["total"]), (&json!(1), &json!(2)));
    assert_eq!(summary["pass_at_k"]["1"]["value"], 0.5);
    assert_eq!(summary["pass_at_k"]["10"], Value::Null);
    let file: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.path().join("eval_results.json")).unwrap())
            .unwrap();
    assert_eq!(
        (&file["eval"]["11"][0]["base_status"], &file["eval"]["12"][0]["base_status"]),
        (&json!("pass"), &json!("fail"))
    );
    let log = std::fs::read_to_string(folder.path().join("eval_results.json.verdicts.jsonl")).unwrap();
    assert_eq!(log.lines().count(), 2);
    let again = egcfg(folder.path(), &args);
    assert_eq!(parsed(&again), summary);
    assert_eq!(std::fs::read_to_string(folder.path().join("eval_results.json.verdicts.jsonl")).unwrap(), log);
    let table = egcfg(folder.path(), &args[..args.len() - 1]);
    assert!(table.stdout.contains("| all tasks | 1 | 2 | 50.0 ("), "{}", table.stdout);
}

/// A score of 0 of answers with fences says what to do, and doing it scores them.
#[test]
fn fenced_answers_are_told_and_taken_apart() {
    let answer = "Here:\n```python\ndef double_all(items):\n    return [2 * n for n in items]\n```\n";
    let line = json!({"task_id": 11, "solution": answer}).to_string();
    let folder = folder(&[("s.jsonl", &format!("\u{feff}{line}\r\nnot JSON\r\n"))]);
    let mbpp = data("mbpp.jsonl");
    let args = ["eval", "--dataset", "mbpp", "--data", &mbpp, "--samples", "s.jsonl", "--json"];
    let ran = egcfg(folder.path(), &args);
    assert_eq!((ran.code, &parsed(&ran)["solved"]), (Some(0), &json!(0)), "{}", ran.stderr);
    for text in
        ["1 of 1 hold a code fence", "hint: --extract", "warning: no sample: s.jsonl:2: not a JSON object"]
    {
        assert!(ran.stderr.contains(text), "{text}: {}", ran.stderr);
    }
    let ran = egcfg(folder.path(), &[&args[..], &["--extract"]].concat());
    assert_eq!((ran.code, &parsed(&ran)["solved"]), (Some(0), &json!(1)), "{}", ran.stderr);
    assert!(!ran.stderr.contains("fence"), "{}", ran.stderr);
}

/// A verdict is kept for the settings that it came about under, and for no other.
#[test]
fn kept_verdicts_are_not_taken_over_changed_settings() {
    let task = json!({"id": "a", "prompt": "p", "tests": ["assert f(1) == 2"]}).to_string();
    let slow = "import time\ndef f(x):\n    time.sleep(1.2)\n    return x + 1\n";
    let sample = json!({"task_id": "a", "solution": slow}).to_string();
    let folder = folder(&[("t.json", &task), ("s.jsonl", &sample)]);
    let args = [
        "eval",
        "--dataset",
        "tasks",
        "--data",
        "t.json",
        "--samples",
        "s.jsonl",
        "--out",
        "o.json",
        "--json",
    ];
    let run = |more: &[&str]| {
        let ran = egcfg(folder.path(), &[&args[..], more].concat());
        (parsed(&ran)["solved"].clone(), ran.stderr)
    };
    // A second is too short for it whatever the machine does.
    let limit = &["--wall-limit", "1", "--calibrate=false"];
    assert_eq!(run(limit).0, json!(0));
    let (solved, told) = run(&[]);
    assert_eq!(solved, json!(1), "{told}");
    assert!(told.contains("1 programs of o.json.verdicts.jsonl were judged again"), "{told}");
    let (solved, told) = run(&[]);
    assert!(solved == json!(1) && told.contains("1 verdicts kept from o.json.verdicts.jsonl"), "{told}");
    let (solved, told) = run(limit);
    assert!(solved == json!(0) && told.contains("1 verdicts kept"), "{told}");
}

#[test]
fn mistakes_are_named() {
    let folder = folder(&[
        ("s.jsonl", "{\"task_id\": 11}\n"),
        ("other.jsonl", "{\"task_id\": 77, \"solution\": \"\"}\n"),
    ]);
    let mbpp = data("mbpp.jsonl");
    let cases: [(&[&str], i32, &str); 5] = [
        (
            &["data", "verify", "--dataset", "mbpq", "--data", &mbpp],
            2,
            "error: there is no data set 'mbpq'\nhint: the data sets are mbpp, ",
        ),
        (
            &["data", "verify", "--dataset", "mbpp", "--data", "none.jsonl"],
            3,
            "error: failed to read none.jsonl: No such file",
        ),
        (
            &["data", "verify", "--dataset", "humaneval", "--data", &mbpp],
            3,
            "mbpp.jsonl:1: field `prompt`: is missing (and 3 more of its records cannot be used)\nhint: is this file of the data set",
        ),
        (
            &["eval", "--dataset", "mbpp", "--data", &mbpp, "--samples", "s.jsonl"],
            3,
            "error: s.jsonl:1: field `completion` or `solution` is missing\nhint: samples are ",
        ),
        (
            &["eval", "--dataset", "mbpp", "--data", &mbpp, "--samples", "other.jsonl"],
            3,
            "error: no sample in other.jsonl is of a task of mbpp\n",
        ),
    ];
    for (args, code, expected) in cases {
        let ran = egcfg(folder.path(), args);
        assert_eq!(ran.code, Some(code), "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(expected), "{args:?}:\n{}\nlacks\n{expected}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
}
