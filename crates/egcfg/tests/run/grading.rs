//! One grade: the same ten programs through `judge`, `eval`, `run`, `compare` and a server, which must say the same of each.

use serde_json::{Value, json};

use crate::start::Server;
use crate::world::World;

/// The program, its test, and what all must say of it.
const PROGRAMS: [(&str, &str, &str); 9] = [
    ("def f(x):\n    return x + 1", "assert f(1) == 2", "passed"),
    ("def f(x):\n    return x + 2", "assert f(1) == 2", "wrong answer"),
    ("def f(x):\n    return x.y", "assert f(1) == 2", "exception (AttributeError)"),
    ("def f(x):\n    while True: pass", "assert f(1) == 2", "timeout (cpu)"),
    ("import os\ndef f(x):\n    os._exit(0)", "assert f(1) == 2", "exited early (code 0)"),
    ("import sys\ndef f(x):\n    sys.exit(3)", "assert f(1) == 2", "exited early (code 3)"),
    ("def f(x):\n    return bytearray(8 << 30)", "assert f(1) == 2", "memory exceeded"),
    ("def f(x):\n    return x + 1", "assert lacking(1) == f(1)", "invalid test"),
    ("def f(x):\n    return None", "assert len(f(1)) == 2", "exception (TypeError)"),
];

/// Each word that a grade of these programs can be.
fn words() -> Vec<&'static str> {
    PROGRAMS.iter().map(|(_, _, word)| *word).collect()
}

/// The tasks, the programs as samples, and a model that writes them.
fn world() -> World {
    let world = World::new(0, &[], 0.0);
    let (mut tasks, mut samples, mut script) = (String::new(), String::new(), "[programs]\n".to_owned());
    for (n, (source, test, _)) in PROGRAMS.iter().enumerate() {
        let prompt = format!("This is task number {n}.");
        let task = json!({ "id": format!("t{n}"), "prompt": prompt, "entry_point": "f", "tests": [test] });
        tasks += &format!("{task}\n");
        samples += &format!("{}\n", json!({ "task_id": format!("t{n}"), "solution": source }));
        script += &format!("\"task number {n}.\" = {}\n", json!(source));
        world.write(&format!("p{n}.py"), source);
        world.write(&format!("t{n}.json"), &task.to_string());
    }
    world.write("tasks.jsonl", &tasks);
    world.write("samples.jsonl", &samples);
    world.write("script.toml", &script);
    world
}

/// One second of processor time for a program; as many programs at a time as there are workers.
const LIMITS: [&str; 4] = ["--timeout", "1", "--workers", "1"];

#[test]
fn ten_programs_have_one_grade_in_five_commands() {
    let world = world();
    let count = PROGRAMS.len();
    // `judge`: 0 where the program passes, 1 where it does not, and the verdict in words.
    for (n, (source, _, word)) in PROGRAMS.iter().enumerate() {
        let (program, task) = (format!("p{n}.py"), format!("t{n}.json"));
        let ran = world.egcfg(&[&["judge", &program, "--task", &task][..], &LIMITS].concat());
        assert!(ran.stdout.starts_with(&format!("{word}  ")), "{source}: {} {}", ran.stdout, ran.stderr);
        assert_eq!(ran.code, Some(i32::from(*word != "passed")), "{source}: {}", ran.stderr);
    }
    // `eval`: the same words, one solved, one told apart.
    let samples = ["--samples", "samples.jsonl", "--k", "1", "--json"];
    let eval = [&["eval", "--dataset", "tasks", "--data", "tasks.jsonl"][..], &samples, &LIMITS].concat();
    let ran = world.egcfg(&eval);
    let summary: Value = serde_json::from_str(&ran.stdout).unwrap();
    let said = |task: &Value| task["failed"]["verdict"].as_str().unwrap_or("passed").to_owned();
    let words_of_eval: Vec<String> = summary["tasks"].as_array().unwrap().iter().map(said).collect();
    assert_eq!(words_of_eval, words(), "{}", ran.stderr);
    assert_eq!((ran.code, &summary["solved"], &summary["invalid"]), (Some(0), &json!(1), &json!(1)));
    // `run`: a result for each, no error record, nothing tried again.
    let ran = world.run(&["--gamma", "0", "--method", "plain", "--timeout", "1"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let mut said = vec![String::new(); count];
    for key in world.files().into_iter().filter(|key| key.ends_with(".json")) {
        let file = world.json(&key);
        let ours = &file["egcfg"];
        if let (Some(task), Some(verdict)) = (ours["task"].as_str(), ours["verdicts"][0].as_str()) {
            let n: usize = task.trim_start_matches('t').parse().unwrap();
            verdict.clone_into(&mut said[n]);
            assert_eq!(file["passed"], json!(verdict == "passed"), "{key}");
        }
    }
    assert_eq!(said, words());
    // `compare`: one of them is solved, and none ends it.
    let mut compare = vec!["compare", "tasks.jsonl", "--model", "scripted:script.toml", "--json"];
    compare.extend(LIMITS);
    let ran = world.egcfg(&compare);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let table: Value = serde_json::from_str(&ran.stdout).unwrap();
    let rows = table["rows"].as_array().unwrap();
    assert!(
        !rows.is_empty() && rows.iter().all(|row| row["score"]["solved"].as_f64() == Some(1.0)),
        "{table}"
    );
    // The server: the same words.
    let model = format!("scripted:{}", world.folder.path().join("script.toml").display());
    let server = Server::start(&[&["--model", &model][..], &LIMITS].concat());
    for (n, (source, test, word)) in PROGRAMS.iter().enumerate() {
        let body = json!({
            "prompt": format!("This is task number {n}."), "tests": [test], "entry_point": "f", "gamma": 0,
        });
        let choice = server.post("/v1/completions", &body)["choices"][0].clone();
        assert_eq!(choice["egcfg"]["tests"][0]["said"], json!(word), "{source}: {choice}");
        assert_eq!(choice["egcfg"]["passed"], json!(*word == "passed"));
    }
}

/// The tenth: where no sandbox can be had, no command says anything of a program.
#[test]
fn without_a_sandbox_no_command_grades() {
    let world = world();
    let away = ["--python", "/dev/null"];
    let model = ["--model", "scripted:script.toml"];
    for arguments in [
        &["judge", "p0.py", "--task", "t0.json"][..],
        &["eval", "--dataset", "tasks", "--data", "tasks.jsonl", "--samples", "samples.jsonl"],
        &["run", "--data", "tasks.jsonl", "--results", "out", model[0], model[1]],
        &["compare", "tasks.jsonl", model[0], model[1]],
        &["serve", "--port", "0", model[0], model[1]],
    ] {
        let ran = world.egcfg(&[arguments, &away].concat());
        assert_eq!(ran.code, Some(5), "{arguments:?}: {} {}", ran.stdout, ran.stderr);
        assert!(ran.stdout.is_empty() && ran.stderr.contains("error: "), "{arguments:?}: {}", ran.stderr);
    }
}
