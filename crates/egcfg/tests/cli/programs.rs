//! `judge`, `trace` and `doctor` on programs that exist.

use serde_json::Value;

use crate::run::{egcfg, folder};

const EVEN: &str = "def count_even(nums):\n    total = 0\n    for n in nums:\n        if n % 2 == 0:\n            total = total + 1\n    return total\n";

#[test]
fn judge_gives_a_verdict_per_test() {
    let exits = "import sys\ndef f(x):\n    sys.exit(0)\n";
    let echo = "def solve():\n    print(int(input()) * 2)\n";
    // No two runs end alike.
    let wavers = "import os\ndef f(x):\n    raise type('E' + os.urandom(8).hex(), (Exception,), {})\n";
    let io = "prompt = 'double'\n[[io]]\nstdin = '4\n'\nstdout = '8'\n[[io]]\nstdin = '5'\nstdout = '11'\n"
        .replace("'4\n'", "\"4\\n\"");
    let folder = folder(&[
        ("even.py", EVEN),
        ("exits.py", exits),
        ("wavers.py", wavers),
        ("echo.py", echo),
        ("io.toml", &io),
    ]);
    let right = "assert count_even([1, 2, 4]) == 2";
    let ran = egcfg(folder.path(), &["judge", "even.py", "--test", right]);
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (Some(0), "passed  assert count_even([1, 2, 4]) == 2\n"),
        "{}",
        ran.stderr
    );

    let ran = egcfg(
        folder.path(),
        &["judge", "even.py", "--test", right, "--test", "assert count_even([2]) == 5", "--json"],
    );
    let object: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(ran.code, Some(1));
    assert_eq!((&object["passed"], &object["accuracy"]), (&Value::Bool(false), &serde_json::json!(0.5)));
    assert_eq!(object["results"][right]["result"], Value::Bool(true));
    assert_eq!(object["verdicts"][1]["verdict"]["kind"], "wrong_answer");

    // Leaving before the test is over is no pass.
    let ran = egcfg(folder.path(), &["judge", "exits.py", "--test", "assert f(1) == 1"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.starts_with("exited early (code 0)"), "{}", ran.stdout);

    let ran = egcfg(folder.path(), &["judge", "wavers.py", "--test", "assert f(1)", "--twice"]);
    assert_eq!(ran.code, Some(1));
    let line = ran.stdout.lines().next().unwrap_or_default();
    assert!(line.starts_with("exception (E") && line.ends_with(" (flaky)  assert f(1)"), "{}", ran.stdout);

    let ran = egcfg(folder.path(), &["judge", "echo.py", "--task", "io.toml"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stdout.starts_with("passed  4\nwrong answer  5\n"), "{}", ran.stdout);
}

#[test]
fn trace_shows_every_step() {
    let folder = folder(&[("even.py", EVEN), ("bad.py", "def f(:\n    pass\n")]);
    let ran = egcfg(folder.path(), &["trace", "even.py", "--call", "count_even([1, 2])"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let expected = "\
== {'nums': [1, 2], 'total': 0, 'n': 2} , {'nums': 'list', 'total': 'int', 'n': 'int'}
LINE:             total = total + 1
";
    assert!(ran.stdout.contains(expected), "{}", ran.stdout);
    assert!(ran.stdout.ends_with("RETURN: count_even([1, 2])\nReturn Value: 1\n"), "{}", ran.stdout);

    let ran =
        egcfg(folder.path(), &["trace", "even.py", "--call", "count_even([1, 2])", "--format", "minimal"]);
    let expected = "{'nums': [1, 2], 'total': 1, 'n': 2} , {'nums': 'list', 'total': 'int', 'n': 'int'}\n";
    assert_eq!(ran.stdout, expected);

    let ran = egcfg(folder.path(), &["trace", "even.py", "--call", "count_even([2])", "--format", "json"]);
    let trace: egcfg_task::Trace = serde_json::from_str(&ran.stdout).unwrap();
    assert!(trace.steps.len() > 5 && trace.cut.is_none());

    let ran = egcfg(folder.path(), &["trace", "bad.py", "--call", "f(1)"]);
    assert_eq!(ran.code, Some(3));
    assert!(ran.stderr.starts_with("error: bad.py:1:"), "{}", ran.stderr);
    std::fs::write(folder.path().join("unloaded.py"), "def f(x):\n    return x\nprint(y)\n").unwrap();
    let ran = egcfg(folder.path(), &["trace", "unloaded.py", "--call", "f(1)"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(3), ""));
    let told =
        "error: unloaded.py: the program ends before it can be called: NameError: name 'y' is not defined";
    assert!(ran.stderr.starts_with(told), "{}", ran.stderr);
}

#[test]
fn a_call_to_trace_is_one_expression() {
    let folder = folder(&[("p.py", "def f(x):\n    return x\n")]);
    for call in ["f(1); f(2)", "", "x = f(1)", "import os", "f(1)\nf(2)", "f(1"] {
        let ran = egcfg(folder.path(), &["trace", "p.py", "--call", call]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{call}");
        assert!(ran.stderr.contains("is not a Python call"), "{call}: {}", ran.stderr);
    }
    assert_eq!(egcfg(folder.path(), &["trace", "p.py", "--call", " f(1) "]).code, Some(0));
}

#[test]
fn a_program_without_end_still_gives_its_trace() {
    let folder = folder(&[("loop.py", "def f(x):\n    while True:\n        x = x + 1\n")]);
    let ran =
        egcfg(folder.path(), &["trace", "loop.py", "--call", "f(1)", "--steps", "50", "--timeout", "1"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("{'x': 9}") && ran.stdout.contains("cut"), "{}", ran.stdout);
}

#[test]
fn doctor_tells_what_is_in_force() {
    let folder = folder(&[]);
    let ran = egcfg(folder.path(), &["doctor", "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let object: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(object["protections"].as_array().is_some_and(|p| p.len() > 3));
    assert_eq!(object["model"]["name"], "pocket");
    let plain = egcfg(folder.path(), &["doctor"]);
    assert!(
        plain.stdout.contains("protections\n") && plain.stdout.contains("CPython 3."),
        "{}",
        plain.stdout
    );
}

#[test]
fn programs_that_read_standard_input_get_the_limits_of_their_kind() {
    // Too much output for other programs.
    let expected = "x".repeat(3 << 20);
    let task =
        serde_json::json!({"prompt": "write", "io": [{"stdin": "3\n", "stdout": format!("{expected}\n")}]});
    let folder = folder(&[
        ("write.py", "def solve():\n    print('x' * (int(input()) << 20))\n"),
        ("task.json", &task.to_string()),
    ]);
    let ran = egcfg(folder.path(), &["judge", "write.py", "--task", "task.json"]);
    assert_eq!((ran.code, ran.stdout.starts_with("passed")), (Some(0), true), "{}", ran.stderr);
    let ran = egcfg(folder.path(), &["judge", "write.py", "--task", "task.json", "--profile", "plain"]);
    assert_eq!((ran.code, ran.stdout.starts_with("output exceeded")), (Some(1), true), "{}", ran.stdout);
}
