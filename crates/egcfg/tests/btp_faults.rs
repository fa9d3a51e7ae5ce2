//! What goes wrong around `egcfg btp`: other settings in an old folder, files that are odd, tasks that do not fit, adapters
//! that say something else than they hold. Each is told, none is passed over in silence.

#![allow(clippy::unwrap_used, reason = "test helpers")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

fn egcfg(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_egcfg"));
    command
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .env("RUST_BACKTRACE", "1")
        .env_remove("EGCFG_MODEL")
        .args(args);
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn lines(path: &Path) -> Vec<Value> {
    std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The command with tasks.jsonl, one thread, and these arguments.
fn btp<'a>(command: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    [&["btp", command, "--dataset", "tasks", "--data", "tasks.jsonl", "--threads", "1"], rest].concat()
}

fn task(id: &str, prompt: &str, tests: &[&str]) -> Value {
    json!({"task_id": id, "entry_point": "f", "prompt": prompt, "tests": tests})
}

fn tasks(folder: &Path, tasks: &[Value]) {
    let text: String = tasks.iter().map(|task| task.to_string() + "\n").collect();
    std::fs::write(folder.join("tasks.jsonl"), text).unwrap();
}

#[test]
fn programs_are_not_kept_under_other_tests_limits_or_lengths() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let prompt = "Write a function f(xs) that returns the sum of xs.";
    tasks(folder, &[task("a", prompt, &["assert f([1, 2]) == 3"])]);
    let sample = |more: &[&str]| {
        egcfg(folder, &[&btp("sample", &["--num-beams", "2", "--output-dir", "out"])[..], more].concat())
    };
    let (code, _, err) = sample(&[]);
    assert_eq!(code, Some(0), "{err}");
    let p2 = || lines(&folder.join("out/experiences.jsonl"))[0]["p2value"].as_f64().unwrap();
    let before = p2();
    for (more, named) in [
        (&["--max-tokens", "10"][..], "other settings: max_tokens\n"),
        (&["--timeout", "1"][..], "other settings: sandbox.limits\n"),
        (&["--seed", "5"][..], "other settings: seed\n"),
    ] {
        let (code, out, err) = sample(more);
        assert!(code == Some(2) && err.contains(named), "{more:?}: {out}{err}");
    }
    // P2 is computed from what is known, and follows its alpha at once.
    let (code, _, err) = sample(&["--p2value-alpha", "0"]);
    assert_eq!(code, Some(0), "{err}");
    let entry = &lines(&folder.join("out/experiences.jsonl"))[0];
    assert_eq!(entry["p2value"], entry["pass_rate"], "{entry}");
    assert_ne!(p2().to_string(), before.to_string(), "{entry}");
    for odd in ["nan", "7"] {
        let (code, _, err) = sample(&["--p2value-alpha", odd]);
        assert!(code == Some(2) && err.contains("p2value-alpha"), "{err}");
    }
    tasks(folder, &[task("a", prompt, &["assert f([1, 2]) == 4"])]);
    let (code, _, err) = sample(&[]);
    assert!(code == Some(2) && err.contains("other settings: tasks\n"), "{err}");
}

#[test]
fn a_task_that_does_not_fit_is_left_out_and_told() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let long = "Write a function f(x) that returns x. ".repeat(400);
    tasks(
        folder,
        &[task("long", &long, &["assert f(1) == 1"]), task("a", "Write f(x).", &["assert f(1) == 1"])],
    );
    let (code, out, err) =
        egcfg(folder, &btp("sample", &["--num-beams", "1", "--jobs", "1", "--output-dir", "out"]));
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(
        err.contains("warning: left out: task long: ") && out.contains("programs of 2 tasks"),
        "{out}{err}"
    );
    let ids: Vec<Value> =
        lines(&folder.join("out/samples.jsonl")).iter().map(|line| line["task_id"].clone()).collect();
    assert_eq!(ids, ["a"]);
}

#[cfg(unix)]
#[test]
fn a_pipe_in_place_of_a_file_is_not_waited_for() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    tasks(folder, &[task("a", "Write f(x).", &["assert f(1) == 1"])]);
    std::fs::create_dir(folder.join("out")).unwrap();
    for name in ["sample.json", "samples.jsonl"] {
        assert!(Command::new("mkfifo").arg(folder.join("out").join(name)).status().unwrap().success());
        let (code, _, err) = egcfg(folder, &btp("sample", &["--num-beams", "1", "--output-dir", "out"]));
        assert!(
            code == Some(3) && err.contains(name) && err.contains("it is a FIFO"),
            "{name}: {code:?} {err}"
        );
        std::fs::remove_file(folder.join("out").join(name)).unwrap();
    }
}

#[test]
fn training_leaves_out_what_is_odd_and_never_ends_well_on_nothing() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    tasks(folder, &[task("set/7", "Write f(x).", &["assert f(1) == 1"])]);
    let entry = |code: &str, possibility: Value| json!({"problem_id": 7, "code": code, "possibility": possibility, "pass_rate": 1.0, "passed_tests": 1, "total_tests": 1});
    let cache = json!({"model_name": null, "experiences": [
        entry("def f(x):\n    return x", json!(0.5)),
        entry("def f(x):\n    return -x", json!("high")),
        entry("def f(x):\n    return +x", json!(0.0)),
    ]});
    std::fs::write(folder.join("cache.json"), format!("{cache:#}")).unwrap();
    let train = |more: &[&str]| {
        let args = ["--experiences", "cache.json", "--num-epochs", "1", "--output-dir", "out"];
        egcfg(folder, &[&btp("train", &args)[..], more].concat())
    };
    for (more, code, said) in [
        (&["--max-length", "3"][..], 2, "max-length: 3 leaves none of 1 examples"),
        (&["--lora-r", "100000"], 2, "lora-r: 100000 is more than a matrix of pocket has"),
        (&["--accelerate", "x"][..], 2, "--accelerate is for --trainer peft"),
        (&["--checkpoint", "/nonexistent"][..], 2, "--checkpoint is for --trainer peft"),
    ] {
        let (ended, out, err) = train(more);
        assert!(ended == Some(code) && err.contains(said), "{more:?}: {ended:?} {out}{err}");
        _ = std::fs::remove_dir_all(folder.join("out"));
    }
    let rank = ["--lora-r", "2", "--draws", "9"];
    let (code, out, err) = train(&rank);
    assert!(code == Some(0) && out.contains("over 2 examples"), "{out}{err}");
    assert!(err.contains("cache.json:1, experiences[1]: field `possibility`: invalid type: string"), "{err}");
    // Another job is refused, by what differs, before it touches anything.
    let examples = std::fs::read(folder.join("out/examples.jsonl")).unwrap();
    let (code, _, err) = train(&["--lora-r", "2", "--draws", "1"]);
    assert!(code == Some(2) && err.contains("other settings: examples_sha256"), "{err}");
    assert_eq!(std::fs::read(folder.join("out/examples.jsonl")).unwrap(), examples);
    // An export loses nothing but the odd entry.
    let export = |form: &str| {
        let tasks = ["btp", "export", "--dataset", "tasks", "--data", "tasks.jsonl"];
        egcfg(
            folder,
            &[&tasks[..], &["--experiences", "cache.json", "--form", form, "--output-dir", form]].concat(),
        )
    };
    let (code, out, err) = export("kto");
    assert!(code == Some(0) && out.contains("2 records of 2 experiences"), "{out}{err}");
    let (code, _, err) = export("preference");
    assert!(code == Some(3) && err.contains("none of 2 experiences makes a record"), "{err}");

    merging(folder);
}

#[test]
fn the_forks_words_are_known() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    tasks(
        folder,
        &[task("a", "Write f(x).", &["assert f(1) == 1"]), task("b", "Write f(x).", &["assert f(1) == 2"])],
    );
    let sample = |more: &[&str]| {
        egcfg(folder, &[&btp("sample", &["--num-beams", "1", "--output-dir", "out"])[..], more].concat())
    };
    for (more, said) in [
        (&["--batch-size", "4"][..], "--per-device-batch-size"),
        (&["--checkpoint-dir", "x"], "checkpoints stand in --output-dir"),
        (&["--source-model", "a.gguf", "--target-model", "b.gguf"], "not a.gguf and b.gguf"),
    ] {
        let (code, _, err) = sample(more);
        assert!(code == Some(2) && err.contains(said), "{more:?}: {err}");
    }
    let (code, out, err) = sample(&[
        "--source-model",
        "pocket",
        "--target-model",
        "pocket",
        "--use-lora",
        "--max-problems",
        "1",
    ]);
    assert!(code == Some(0) && out.contains("programs of 1 tasks"), "{out}{err}");
}

/// An adapter that says something else than it holds is refused by the field, as PEFT and `--lora` do.
fn merging(folder: &Path) {
    let merge = |adapter: &str, base: &str, out: &str| {
        egcfg(folder, &["btp", "merge", "--model", base, "--adapter", adapter, "--out", out])
    };
    let path = folder.join("out/adapter_config.json");
    let whole = std::fs::read_to_string(&path).unwrap();
    for (field, value, said) in [
        ("r", json!(8), "r: is 8, and the matrices have rank 2"),
        ("r", json!(0), "r: 0 is no rank"),
        ("alpha_pattern", json!({"q_proj": 3}), "alpha_pattern: "),
        ("fan_in_fan_out", json!(true), "fan_in_fan_out: "),
    ] {
        let mut config: Value = serde_json::from_str(&whole).unwrap();
        config[field] = value;
        std::fs::write(&path, config.to_string()).unwrap();
        let (code, out, err) = merge("out", "pocket", "tuned.gguf");
        assert!(code == Some(4) && err.contains(said), "{field}: {code:?} {out}{err}");
        assert!(!folder.join("tuned.gguf").exists());
    }
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(merge("out", "pocket", "tuned.gguf").0, Some(0));
    let base = std::fs::read(folder.join("tuned.gguf")).unwrap();
    let (code, _, err) = merge("out", "tuned.gguf", "./tuned.gguf");
    assert!(code == Some(2) && err.contains("is the base itself"), "{err}");
    assert_eq!(std::fs::read(folder.join("tuned.gguf")).unwrap(), base);
    let (code, _, err) = merge("tuned.gguf", "pocket", "other.gguf");
    assert!(code == Some(4) && err.contains("is no PEFT folder"), "{err}");
    // Another base.
    let shape = egcfg_model::RandomLlama {
        vocab: 512,
        width: 64,
        inner: 128,
        layers: 2,
        heads: 2,
        context: 256,
        seed: 1,
    };
    shape.write(&folder.join("wide.gguf")).unwrap();
    let (code, _, err) = merge("out", "wide.gguf", "other.gguf");
    assert!(code == Some(4) && err.contains("the adapter was made for another base"), "{err}");
    assert!(!folder.join("other.gguf").exists());
    // Half a base, and no stack trace whatever the environment asks for.
    std::fs::write(folder.join("half.gguf"), &base[..base.len() / 2]).unwrap();
    let (code, _, err) = merge("out", "half.gguf", "other.gguf");
    assert!(code == Some(4) && err.contains("half.gguf") && err.lines().count() < 4, "{err}");
}
