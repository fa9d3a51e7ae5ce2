//! `egcfg report` and `egcfg watch` as a person or a script uses them: exit code, standard output, standard error, files.

#![allow(clippy::unwrap_used, reason = "test helpers")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

const CONFIGURATION: &str = "ns3t0.7d2k1_ln";

fn egcfg(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_egcfg"));
    let Output { status, stdout, stderr } =
        command.current_dir(folder).env("NO_COLOR", "1").args(args).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// Two tasks at gammas 0 and 1: greedy solves the first, guidance both.
fn results() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("out/humaneval/m");
    std::fs::create_dir_all(root.join(CONFIGURATION)).unwrap();
    let experiment = format!(
        "tasks = 2\nmethods = [\"eg_cfg\"]\nconfigurations = [\"{CONFIGURATION}\"]\ngammas = [0.0, 1.0]\n"
    );
    std::fs::write(root.join("experiment.toml"), experiment).unwrap();
    for (task, gamma, passed) in
        [("0", "0.0", true), ("0", "1.0", true), ("1", "0.0", false), ("1", "1.0", true)]
    {
        let result = json!({
            "code": "def f():\n    return '\u{1b}[2J'\n", "results": {"assert f()": {"result": passed, "time": 0.1, "error": null}},
            "passed": passed, "accuracy": f64::from(u8::from(passed)),
            "egcfg": {"version": 1, "method": "eg_cfg", "shown_passed": passed}
        });
        let file = root.join(CONFIGURATION).join(format!("task_id={task}_gamma={gamma}.json"));
        std::fs::write(file, result.to_string()).unwrap();
    }
    folder
}

#[test]
fn a_table_goes_to_standard_output() {
    let folder = results();
    let (code, out, err) = egcfg(folder.path(), &["report", "out"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let line = |label: &str| {
        out.lines().find(|line| line.contains(label)).unwrap_or_else(|| panic!("{label}: {out}")).to_owned()
    };
    assert!(line("greedy, unguided").contains("1/2"));
    assert!(line("pass@1, fixed configuration").contains("2/2"));
    assert!(out.contains("not known: no results of the method best_of"), "{out}");
}

#[test]
fn the_format_follows_the_file_and_the_file_is_whole() {
    let folder = results();
    for (name, begin) in [
        ("r.html", "<!doctype html>"),
        ("r.json", "{"),
        ("r.csv", "row,dataset,"),
        ("r.txt", "humaneval / m"),
    ] {
        let (code, out, err) = egcfg(folder.path(), &["report", "out", "--out", name]);
        assert_eq!((code, out.as_str()), (Some(0), ""), "{err}");
        assert!(err.starts_with(&format!("wrote {name} (")), "{err}");
        assert!(std::fs::read_to_string(folder.path().join(name)).unwrap().starts_with(begin));
    }
    let text = std::fs::read_to_string(folder.path().join("r.json")).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&report["version"], &report["groups"][0]["numbers"][3]["score"]["solved"]),
        (&json!(1), &json!(2.0))
    );
    // Only the four reports and the results are there: nothing temporary is left.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 5);
    let (code, _, err) = egcfg(folder.path(), &["report", "out", "--out", "no/r.html"]);
    assert!(code == Some(3) && err.starts_with("error: failed to write no/r.html"), "{err}");
}

#[test]
fn what_is_not_there_is_an_error_that_says_what_is() {
    let folder = results();
    for (args, code, said) in [
        (&["report", "nowhere"][..], 3, "failed to read nowhere"),
        (&["report", ".", "--dataset", "mbpp"], 3, "no results match data set mbpp; there are humaneval / m"),
        (&["report", "out", "--fixed", "ns9t1.0d2k1_ln"], 3, "hint: there are ns3t0.7d2k1_ln"),
        (&["report", "out", "--fixed", "x@y"], 2, "no gamma"),
        (&["report", "out", "--out", "r.pdf"], 2, "--out: a report cannot be written as .pdf"),
        (&["report", "out", "--pair", "ns3t0.7d2k1_ln"], 2, "a comma between them"),
        (&["report", "out", "--pair", "ns3t0.7d2k1_ln,magic"], 3, "no results of --pair magic"),
        (&["report", "out", "--format", "svg"], 3, "holds no results that tell their tokens"),
        (&["report", "gs://bucket/x"], 2, "'gs://' is no store that egcfg knows"),
        (&["watch", "nowhere", "--once"], 3, "failed to read nowhere"),
    ] {
        let (found, out, err) = egcfg(folder.path(), args);
        assert!(found == Some(code) && out.is_empty() && err.contains(said), "{args:?}: {found:?} {err}");
    }
}

#[test]
fn a_watch_without_a_terminal_writes_lines_and_ends_with_the_experiment() {
    let folder = results();
    let (code, out, _) = egcfg(folder.path(), &["watch", "out", "--once"]);
    assert!(code == Some(0) && out.contains("4 of 4 units (100.0 %), 2 of 2 tasks solved"), "{out}");
    // One unit is missing; it comes while the watch goes on.
    let last = folder.path().join("out/humaneval/m").join(CONFIGURATION).join("task_id=1_gamma=1.0.json");
    let bytes = std::fs::read(&last).unwrap();
    std::fs::remove_file(&last).unwrap();
    let writer = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(600));
        std::fs::write(&last, bytes).unwrap();
    });
    let (code, out, _) = egcfg(folder.path(), &["watch", "out", "--interval", "0.1"]);
    writer.join().unwrap();
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(code, Some(0));
    assert!(lines.len() == 2 && lines[0].starts_with("3 of 4") && lines[1].starts_with("4 of 4"), "{out}");
}

#[test]
fn programs_go_out_as_samples_and_two_configurations_are_compared() {
    let folder = results();
    let (code, out, err) = egcfg(folder.path(), &["report", "out", "--format", "samples"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4);
    assert_eq!((&lines[0]["task_id"], &lines[0]["passed"]), (&json!("0"), &json!(true)));
    assert_eq!(lines[0]["solution"], "def f():\n    return '\u{1b}[2J'\n");
    let only = format!("{CONFIGURATION}@1");
    let (_, out, _) = egcfg(folder.path(), &["report", "out", "--format", "samples", "--fixed", &only]);
    assert_eq!(out.lines().count(), 2);

    let pair = format!("{CONFIGURATION}@0,{CONFIGURATION}@1");
    let (_, out, _) = egcfg(folder.path(), &["report", "out", "--format", "json", "--pair", &pair]);
    let report: Value = serde_json::from_str(&out).unwrap();
    let pairs = report["groups"][0]["comparisons"].as_array().unwrap();
    let asked = pairs.iter().find(|own| own["second"] == only.as_str()).unwrap();
    // Of two tasks greedy solves one and guidance both: 50 points.
    assert_eq!(
        (&asked["tasks"], &asked["only_second"], &asked["lead"]["value"]),
        (&json!(2), &json!(1), &json!(50.0))
    );
}
