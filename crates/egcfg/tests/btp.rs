//! `egcfg btp` by the real binary on the embedded model: a round of sampling and training, kill and resume, what is refused.

#![allow(clippy::unwrap_used, reason = "test helpers")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

fn pocket(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/pocket").join(name)
}

/// The first tasks of a file, as a file of their own.
fn first(folder: &Path, from: &str, count: usize) -> PathBuf {
    let text = std::fs::read_to_string(pocket(from)).unwrap();
    let lines: String = text.lines().take(count).map(|line| line.to_owned() + "\n").collect();
    let path = folder.join(from);
    std::fs::write(&path, lines).unwrap();
    path
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_egcfg"));
    command.current_dir(folder).env("NO_COLOR", "1").env_remove("EGCFG_MODEL").args(args);
    command
}

fn egcfg(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command(folder, args).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn lines(path: &Path) -> Vec<Value> {
    std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

const SAMPLE: [&str; 11] = [
    "btp",
    "sample",
    "--dataset",
    "tasks",
    "--data",
    "train_probe.jsonl",
    "--num-beams",
    "3",
    "--threads",
    "1",
    "--output-dir",
];

#[test]
fn a_round_samples_trains_and_gives_a_model_that_is_scored() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    first(folder, "train_probe.jsonl", 4);
    first(folder, "dev.jsonl", 3);
    let args = [
        "btp",
        "run",
        "--dataset",
        "tasks",
        "--data",
        "train_probe.jsonl",
        "--eval-data",
        "dev.jsonl",
        "--n-iterations",
        "1",
        "--num-beams",
        "3",
        "--draws",
        "6",
        "--num-epochs",
        "1",
        "--lora-r",
        "4",
        "--threads",
        "1",
        "--output-dir",
        "out",
    ];
    let (code, out, err) = egcfg(folder, &args);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(
        out.contains("| base | dev, 3 | plain |") && out.contains("| iteration 0 | dev, 3 | plain |"),
        "{out}"
    );
    // The same table is kept, and every program stands in a results folder.
    assert_eq!(std::fs::read_to_string(folder.join("out/summary.md")).unwrap(), out);
    let (code, report, err) = egcfg(folder, &["report", "out/results"]);
    assert!(code == Some(0) && report.contains("iteration-0"), "{report}{err}");
    let experiences = lines(&folder.join("out/iteration-0/sample/experiences.jsonl"));
    assert!(!experiences.is_empty());
    for experience in &experiences {
        // P2 by its formula, from the fields beside it.
        let number = |name: &str| experience[name].as_f64().unwrap();
        let p2 = 0.5 * number("possibility") + 0.5 * number("pass_rate");
        assert!((number("p2value") - p2).abs() < 1e-12, "{experience}");
        assert!((number("pass_rate") - number("passed_tests") / number("total_tests")).abs() < 1e-12);
        // Shown and hidden tests: 8 in these files.
        assert_eq!(experience["test_results"].as_array().unwrap().len(), 8);
    }
    let adapter = folder.join("out/iteration-0/adapter");
    let config: Value =
        serde_json::from_str(&std::fs::read_to_string(adapter.join("adapter_config.json")).unwrap()).unwrap();
    assert_eq!((&config["r"], &config["peft_type"]), (&4.into(), &"LORA".into()));
    assert!(!adapter.join("checkpoint.safetensors").exists());
    // Again: nothing is done twice, the table is the same.
    let before = std::fs::metadata(folder.join("out/iteration-0/sample/samples.jsonl")).unwrap().len();
    let (code, again, err) = egcfg(folder, &args);
    assert_eq!((code, again), (Some(0), out), "{err}");
    let after = std::fs::metadata(folder.join("out/iteration-0/sample/samples.jsonl")).unwrap().len();
    assert_eq!(before, after);
}

#[test]
fn a_killed_round_goes_on_and_ends_like_one_that_was_not() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    first(folder, "train_probe.jsonl", 5);
    let (code, _, err) = egcfg(folder, &[&SAMPLE[..], &["whole"]].concat());
    assert_eq!(code, Some(0), "{err}");
    let mut child = command(folder, &[&SAMPLE[..], &["killed"]].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let log = folder.join("killed/samples.jsonl");
    let begun = Instant::now();
    // Killed as soon as a task stands in the log; where all of them are quicker than that, there is nothing to resume.
    while std::fs::metadata(&log).map_or(0, |file| file.len()) == 0 {
        assert!(begun.elapsed() < Duration::from_secs(600), "no task was sampled");
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    child.wait().unwrap();
    let (code, _, err) = egcfg(folder, &[&SAMPLE[..], &["killed"]].concat());
    assert_eq!(code, Some(0), "{err}");
    let ids = |name: &str| -> Vec<String> {
        let entries = lines(&folder.join(name).join("experiences.jsonl"));
        entries.iter().map(|entry| format!("{} {}", entry["problem_id"], entry["code"])).collect()
    };
    let (mut whole, mut killed) = (ids("whole"), ids("killed"));
    // Near-ties may fall otherwise when tasks share batches; the tasks and nearly all programs are the same.
    whole.sort();
    killed.sort();
    let common = whole.iter().filter(|entry| killed.contains(entry)).count();
    assert!(common * 5 >= whole.len() * 4, "{common} of {} programs", whole.len());
    // Another setting is another round.
    let other = [&SAMPLE[..], &["killed", "--seed", "9"]].concat();
    let (code, out, err) = egcfg(folder, &other);
    assert_eq!((code, out.as_str()), (Some(2), ""), "{err}");
    assert!(err.contains("belongs to other settings") && err.contains("hint: name another folder"), "{err}");
}

#[test]
fn what_must_not_be_is_refused_by_name() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    first(folder, "train_probe.jsonl", 2);
    let run = ["btp", "run", "--dataset", "tasks", "--data", "train_probe.jsonl", "--output-dir", "out"];
    let (code, _, err) = egcfg(folder, &[&run[..], &["--eval-data", "train_probe.jsonl"]].concat());
    assert_eq!(code, Some(3), "{err}");
    assert!(
        err.contains(
            "held-out tasks are among the training tasks: pocket/train_probe/0 as pocket/train_probe/0"
        ),
        "{err}"
    );
    // Left out, nothing is left to train on: said, not passed over.
    let (code, _, err) =
        egcfg(folder, &[&run[..], &["--eval-data", "train_probe.jsonl", "--leave-out-overlap"]].concat());
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("no training task is left"), "{err}");
    let train = [
        "btp",
        "train",
        "--dataset",
        "tasks",
        "--data",
        "train_probe.jsonl",
        "--output-dir",
        "out",
        "--experiences",
        "e.jsonl",
    ];
    let line = r#"{"problem_id": "a", "code": "x", "possibility": 2.0, "pass_rate": 1.0}"#;
    std::fs::write(folder.join("e.jsonl"), format!("{line}\n")).unwrap();
    let (code, _, err) = egcfg(folder, &train);
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("e.jsonl:1: possibility 2 is not above 0 and at most 1"), "{err}");
    for (flag, value, message) in [
        ("--learning-rate", "0", "learning-rate: 0 is not above 0"),
        ("--lora-targets", "q,x", "lora-targets: 'x' is no target"),
        ("--sampling-alpha", "-1", "sampling-alpha: -1 is not between 0 and 100"),
    ] {
        let flag = format!("{flag}={value}");
        let (code, _, err) = egcfg(folder, &[&train[..], &[&flag]].concat());
        assert_eq!(code, Some(2), "{err}");
        assert!(err.contains(message), "{err}");
    }
}

#[test]
fn an_experiment_trains_its_arms_scores_them_and_goes_on() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    first(folder, "dev.jsonl", 4);
    let args = [
        "btp",
        "experiments",
        "--mode",
        "quick",
        "--step",
        "btp",
        "--eval-data",
        "dev.jsonl",
        "--max-problems",
        "4",
        "--num-beams",
        "2",
        "--seeds",
        "2",
        "--n-iterations",
        "2",
        "--gradient-tokens",
        "150",
        "--lora-r",
        "2",
        "--tree-tokens",
        "120",
        "--threads",
        "1",
        "--output-dir",
        "out",
    ];
    let (code, out, err) = egcfg(folder, &args);
    assert_eq!(code, Some(0), "{out}{err}");
    let out_folder = folder.join("out");
    let summary: Value =
        serde_json::from_str(&std::fs::read_to_string(out_folder.join("summary.json")).unwrap()).unwrap();
    let lines = summary["tables"][0]["lines"].as_array().unwrap().clone();
    let seen: Vec<(&str, &str, usize)> = lines
        .iter()
        .map(|line| {
            let text = |name: &str| line[name].as_str().unwrap();
            (text("arm"), text("method"), line["solved"].as_array().unwrap().len())
        })
        .collect();
    let expected = |method| [("base", method, 1), ("btp, round 1", method, 2), ("btp, round 2", method, 2)];
    assert_eq!(seen, [expected("plain"), expected("search")].concat());
    // Both trainings learned from as many tokens, up to the step that crosses the line, in adapters that differ.
    let report = |seed: u64, round: u64| -> Value {
        let path = format!("arms/power/seed-{seed}/round-{round}/adapter/report.json");
        serde_json::from_str(&std::fs::read_to_string(out_folder.join(path)).unwrap()).unwrap()
    };
    for (seed, round) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
        assert!(report(seed, round)["gradient_tokens"].as_u64().unwrap() >= 150);
    }
    let weights = |seed: u64| {
        std::fs::read(
            out_folder.join(format!("arms/power/seed-{seed}/round-1/adapter/adapter_model.safetensors")),
        )
        .unwrap()
    };
    assert_ne!(weights(1), weights(2));
    // What solved a task is in the results that `report` reads, under the same numbers.
    let (code, report, err) = egcfg(folder, &["report", "out/results", "--format", "json"]);
    assert_eq!(code, Some(0), "{err}");
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["groups"].as_array().unwrap().len(), 5);
    // Again, with every part done: the same table, from what stands there.
    std::fs::remove_file(out_folder.join("summary.md")).unwrap();
    let (code, again, err) = egcfg(folder, &args);
    assert_eq!((code, again), (Some(0), out), "{err}");
    assert!(!err.contains("round 1: training"), "{err}");
    // Other settings are another experiment.
    let other: Vec<&str> = args.iter().map(|arg| if *arg == "150" { "160" } else { arg }).collect();
    let (code, _, err) = egcfg(folder, &other);
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("belongs to other settings"), "{err}");
    let (code, _, err) = egcfg(folder, &["btp", "experiments", "--mode", "full", "--output-dir", "full"]);
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("no data given") && err.contains("hint: --mode full"), "{err}");
    let (code, _, err) = egcfg(folder, &["btp", "experiments", "--mode", "single", "--output-dir", "full"]);
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("--step"), "{err}");
}

/// Text of the embedded model's tokens, by its tokenizer file.
fn text(tokens: &Value) -> String {
    let file: Value =
        serde_json::from_str(&std::fs::read_to_string(pocket("tokenizer.json")).unwrap()).unwrap();
    let vocab = file["model"]["vocab"].as_object().unwrap();
    let spelled = |token: &Value| {
        let found = vocab.iter().find(|(_, id)| *id == token);
        found.map(|(text, _)| text.replace('\u{120}', " ").replace('\u{10a}', "\n")).unwrap_or_default()
    };
    tokens.as_array().unwrap().iter().map(spelled).collect()
}

#[test]
fn distillation_shows_the_teacher_what_failed_and_then_the_right_program() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let tasks = lines(&first(folder, "train_tasks.jsonl", 3));
    let entry = |task: usize, code: &str, rate: f64| serde_json::json!({"problem_id": tasks[task]["task_id"], "code": code, "possibility": 0.5, "pass_rate": rate});
    let solution = |task: usize| tasks[task]["solution"].as_str().unwrap();
    let name = tasks[0]["entry_point"].as_str().unwrap();
    // Task 0 has a failed program, task 1 has none, task 2 has only failed ones.
    let wrong = format!("def {name}(xs):\n    return None\n");
    let other = format!("def {}(xs):\n    return 12345\n", tasks[2]["entry_point"].as_str().unwrap());
    let cache = serde_json::json!({"model_name": "m", "experiences": [
        entry(0, solution(0), 1.0), entry(0, &wrong, 0.0), entry(1, solution(1), 1.0), entry(2, &other, 0.0),
    ]});
    std::fs::write(folder.join("cache.json"), cache.to_string()).unwrap();
    let args = [
        "btp",
        "train",
        "--dataset",
        "tasks",
        "--data",
        "train_tasks.jsonl",
        "--experiences",
        "cache.json",
        "--objective",
        "distil",
        "--draws",
        "9",
        "--num-epochs",
        "1",
        "--lora-r",
        "2",
        "--output-dir",
        "out",
    ];
    let (code, out, err) = egcfg(folder, &args);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(err.contains("1 drawn programs are of tasks without a failed program"), "{err}");
    let examples = lines(&folder.join("out/examples.jsonl"));
    assert_eq!(examples.len(), 3);
    for example in &examples {
        let (plain, teacher, answer) =
            (text(&example["prompt"]), text(&example["teacher"]), text(&example["answer"]));
        // The same prompt with a block in it, and the outcomes of the failed program first in its entry.
        let (head, rest) = teacher.split_once("### Runs\n").unwrap();
        assert!(plain.starts_with(head) && plain.ends_with("### Code\n"), "{plain}");
        assert!(rest.ends_with("### Code\n"), "{teacher}");
        let failed = if example["task_id"] == tasks[0]["task_id"] { &wrong } else { &other };
        let (outcome, after) = rest.split_once('\n').unwrap();
        assert!(outcome.starts_with("# ") && !outcome.contains("pass"), "{outcome}");
        assert!(after.starts_with(failed.as_str()), "{after}");
        // Where the drawn program failed, the right one stands behind it; a right one is never shown to its own teacher.
        let shows_right = rest.contains(solution(0));
        assert_eq!(
            shows_right,
            example["task_id"] == tasks[0]["task_id"] && !answer.starts_with(solution(0))
        );
    }
    let report: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("out/report.json")).unwrap()).unwrap();
    assert!(report["loss"][0].as_f64().unwrap() > 0.0);
}

#[test]
fn experiences_go_out_in_other_forms_and_the_forks_cache_comes_in() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let tasks = first(folder, "train_probe.jsonl", 1);
    let id = lines(&tasks)[0]["task_id"].as_str().unwrap().to_owned();
    let entry = |code: &str, rate: f64| {
        serde_json::json!({"problem_id": id, "problem_text": "t", "code": code, "possibility": 0.5, "pass_rate": rate,
            "passed_tests": 1, "total_tests": 1, "test_results": [rate >= 1.0], "beam_rank": 0, "p2value": 0.75})
    };
    let cache = serde_json::json!({"model_name": "m", "max_problems": 1, "num_beams": 2, "sampling_method": "power",
        "sampling_alpha": 1.0, "p2value_alpha": 0.5, "total_experiences": 2, "timestamp": "t", "cache_version": "1",
        "experiences": [entry("good = 1", 1.0), entry("bad = 1", 0.0)]});
    std::fs::write(folder.join("cache.json"), format!("{cache:#}")).unwrap();
    let export = |form: &str, out: &str| {
        let args = [
            "btp",
            "export",
            "--dataset",
            "tasks",
            "--data",
            "train_probe.jsonl",
            "--experiences",
            "cache.json",
            "--form",
            form,
            "--output-dir",
            out,
        ];
        let (code, _, err) = egcfg(folder, &args);
        assert_eq!(code, Some(0), "{err}");
    };
    for form in ["prompt-completion", "conversational", "preference", "kto", "alpaca", "sharegpt"] {
        export(form, form);
    }
    let kto = lines(&folder.join("kto/egcfg.jsonl"));
    let labels: Vec<(&str, bool)> = kto
        .iter()
        .map(|row| (row["completion"].as_str().unwrap(), row["label"].as_bool().unwrap()))
        .collect();
    assert_eq!(labels, [("good = 1", true), ("bad = 1", false)]);
    let pair = &lines(&folder.join("preference/egcfg.jsonl"))[0];
    assert_eq!(pair["chosen"][0]["content"], "good = 1");
    assert_eq!(pair["rejected"][0]["content"], "bad = 1");
    let info: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("sharegpt/dataset_info.json")).unwrap())
            .unwrap();
    assert_eq!(info["egcfg"]["formatting"], "sharegpt");
}
