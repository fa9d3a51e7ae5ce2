//! What a person reads: standard output, standard error and exit code of the program, word by word. What differs between machines
//! is redacted. `cargo insta review` (or INSTA_UPDATE=always) takes changes over; look at each.

use crate::run::{command, egcfg, folder};

/// One run as text.
fn told(folder: &std::path::Path, args: &[&str]) -> String {
    let ran = egcfg(folder, args);
    let code = ran.code.map_or_else(|| "none".to_owned(), |code| code.to_string());
    format!("exit code: {code}\n--- stdout ---\n{}--- stderr ---\n{}", ran.stdout, ran.stderr)
}

/// Several runs as one text.
fn all(folder: &std::path::Path, runs: &[&[&str]]) -> String {
    runs.iter().map(|args| format!("$ egcfg {}\n{}\n", args.join(" "), told(folder, args))).collect()
}

fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path("snapshots");
    settings.add_filter(r"egcfg \d+\.\d+\.\d+", "egcfg [version]");
    settings.add_filter(r"note: sandbox level .*\n", "");
    settings
}

#[test]
fn commands_without_arguments() {
    let empty = folder(&[]);
    let runs: Vec<Vec<&str>> = [
        "solve",
        "judge",
        "trace",
        "compare",
        "run",
        "eval",
        "report",
        "watch",
        "submit",
        "data",
        "convert",
        "completions",
    ]
    .iter()
    .map(|command| vec![*command])
    .collect();
    let runs: Vec<&[&str]> = runs.iter().map(Vec::as_slice).collect();
    settings().bind(|| insta::assert_snapshot!("without_arguments", all(empty.path(), &runs)));
}

#[test]
fn counts_of_nothing_are_refused_alike() {
    let files = folder(&[("t.jsonl", "")]);
    let runs: [&[&str]; 14] = [
        &["solve", "t.jsonl", "--jobs", "0"],
        &["solve", "t.jsonl", "--max-tokens", "0"],
        &["solve", "t.jsonl", "--threads", "0"],
        &["solve", "t.jsonl", "--workers", "0"],
        &["solve", "t.jsonl", "--context", "0"],
        &["solve", "t.jsonl", "-s", "0"],
        &["solve", "t.jsonl", "--retries", "-1"],
        &["compare", "t.jsonl", "--limit", "0"],
        &["eval", "--dataset", "tasks", "--data", "t.jsonl", "--samples", "x", "--limit", "0"],
        &["eval", "--dataset", "tasks", "--data", "t.jsonl", "--samples", "x", "--k", "1,0"],
        &["run", "--jobs", "0"],
        &["serve", "--in-flight", "0"],
        &["solve", "t.jsonl", "--timeout", "0"],
        &["solve", "t.jsonl", "--memory-limit", "1M"],
    ];
    settings().bind(|| insta::assert_snapshot!("counts_of_nothing", all(files.path(), &runs)));
}

#[test]
fn mistakes_in_files() {
    let files = folder(&[
        ("typo.toml", "seed = 1\nconfigs = ['ns3t0.7d3k1_ln']\n"),
        ("jobs.toml", "# none\njobs = 0\n"),
        ("name.toml", "configurations = ['ns3t0.7d3k1_ln', 'ns3t0.7d3k1_line']\n"),
        ("session.json", "{\n  \"gamas\": [0, 1]\n}\n"),
        ("params.json", "{\"t\": [0.7], \"temperature\": [0.9]}\n"),
        ("trials.json", "[\"ns3t0.7d3k1_ln\", \"ns3\"]\n"),
        ("task.toml", "prompt = 'double it'\ntests = ['assert f(2) == 4']\n"),
        ("empty.jsonl", ""),
    ]);
    std::fs::create_dir(files.path().join("folder.toml")).unwrap();
    let runs: [&[&str]; 11] = [
        &["run", "typo.toml"],
        &["run", "jobs.toml"],
        &["run", "name.toml"],
        &["run", "--session-config-json", "session.json"],
        &["run", "--dynamic-signals-params", "params.json"],
        &["run", "--trials-json", "trials.json"],
        &["run", "absent.toml"],
        &["solve", "task.toml", "--test", "assert f(1) == 2"],
        &["solve", "task.toml", "--entry-point", "f"],
        &["solve", "empty.jsonl"],
        &["solve", "folder.toml"],
    ];
    settings().bind(|| insta::assert_snapshot!("mistakes_in_files", all(files.path(), &runs)));
}

#[test]
fn help_is_short_and_long_and_by_topic() {
    let empty = folder(&[]);
    let runs: [&[&str]; 5] =
        [&["-h"], &["help", "sandbox"], &["help", "data", "verify"], &["help", "sandbx"], &["--version"]];
    let mut settings = settings();
    settings.add_filter(r" \[env: [A-Z_]+=[^\]]*\]", " [env]");
    settings.bind(|| insta::assert_snapshot!("help", all(empty.path(), &runs)));
}

#[test]
fn what_acts_on_a_terminal_does_not_reach_it() {
    let files = folder(&[
        ("p.py", "def f(x):\n    raise ValueError('\\x1b[2J\\u202e' + x)\n"),
        ("p\u{202e}\u{1b}[2J.toml", "prompt = 1\n"),
    ]);
    let runs: [&[&str]; 4] = [
        &["solve", "p\u{202e}\u{1b}[2J.toml"],
        &["solve", "absent\u{2066}\r.toml"],
        &["solve", "--\u{1b}[31m"],
        &["judge", "p.py", "--test", "assert f('\u{9b}31m') == '\u{1b}]0;x\u{7}'"],
    ];
    for args in runs {
        let ran = egcfg(files.path(), args);
        for stream in [&ran.stdout, &ran.stderr] {
            let bad = |c: char| {
                (c.is_control() && c != '\n' && c != '\t') || ('\u{202a}'..='\u{2069}').contains(&c)
            };
            assert!(!stream.contains(bad), "{args:?}: {stream:?}");
        }
        assert_ne!(ran.code, Some(0));
    }
}

#[test]
fn a_full_disk_is_an_error() {
    if !std::path::Path::new("/dev/full").exists() {
        println!("skipped: there is no /dev/full");
        return;
    }
    let files = folder(&[
        ("p.py", "def f(x):\n    return x\n"),
        ("s.toml", "[programs]\n'echo it' = '''def f(x):\n    return x'''\n"),
    ]);
    let base = ["solve", "--prompt", "echo it", "--test", "assert f(1) == 1", "--model", "scripted:s.toml"];
    let ran = egcfg(files.path(), &[&base, ["--events", "/dev/full"].as_slice()].concat());
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(
        ran.stdout.contains("return x") && ran.stderr.contains("error: failed to write /dev/full"),
        "{}",
        ran.stderr
    );
    let judge = ["judge", "p.py", "--test", "assert f(1) == 1", "--json"];
    for args in [
        &base[..],
        &judge[..4],
        &judge,
        &["trace", "p.py", "--call", "f(1)"],
        &["data", "list"],
        &["help"],
        &["--help"],
        &["solve", "-h"],
        &["--version"],
        &["completions", "bash"],
    ] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let mut command = command(files.path());
        let status = command.args(args).stdout(full).output().unwrap();
        let said = String::from_utf8_lossy(&status.stderr).into_owned();
        assert_eq!(status.status.code(), Some(3), "{args:?}: {said}");
        assert!(
            said.contains("error: failed to write to standard output: No space left"),
            "{args:?}: {said}"
        );
    }
}

#[test]
fn an_interpreter_that_hangs_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let files = folder(&[("python", "#!/bin/sh\nsleep 600\n"), ("p.py", "def f(x):\n    return x\n")]);
    let python = files.path().join("python");
    std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
    let args = ["judge", "p.py", "--test", "assert f(1) == 1", "--python", "./python"];
    let ran = egcfg(files.path(), &args);
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(ran.stderr.contains("did not answer within 20 s"), "{}", ran.stderr);
}
