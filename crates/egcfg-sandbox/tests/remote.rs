//! The client of an ExecEval server, against a server that speaks the documented protocol, rightly and wrongly.
#![allow(clippy::unwrap_used, reason = "what a helper cannot have fails the test")]

#[path = "remote/server.rs"]
mod server;

use std::time::{Duration, Instant};

use egcfg_sandbox::remote::ExecEval;
use egcfg_sandbox::{Limits, Program, SandboxError};
use egcfg_task::{Clock, Form, Test, TestResult, Verdict};
use serde_json::json;
use server::{Act, Server};

fn program(source: &str) -> Program {
    Program {
        source: source.to_owned(),
        entry_point: "solve".to_owned(),
        form: Form::Stdio,
        ..Program::default()
    }
}

fn tests(pairs: &[(&str, &str)]) -> Vec<Test> {
    let test = |(stdin, stdout): &(&str, &str)| Test::stdio(*stdin, *stdout);
    pairs.iter().map(test).collect()
}

fn client(server: &Server) -> ExecEval {
    let limits = Limits { cpu: Duration::from_secs(1), ..Limits::default() };
    let judge = ExecEval::new(&server.address.ip().to_string(), server.address.port(), limits).unwrap();
    judge.retries(2, Duration::from_millis(20))
}

const DOUBLE: &str = "def solve():\n    print(2 * int(input()))\n";

/// No test here may wait longer than this.
async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(240), future).await.expect("nothing hangs")
}

async fn judge_double(server: &Server) -> TestResult {
    let results = within(client(server).judge(&program(DOUBLE), &tests(&[("4\n", "8\n")]))).await.unwrap();
    assert_eq!(results.len(), 1);
    results[0].clone()
}

#[tokio::test]
async fn programs_are_judged_as_here() {
    let server = Server::start(Vec::new()).await;
    let judge = client(&server);
    within(judge.check()).await.unwrap();
    let exception = |name: &str| Verdict::Exception { exception: name.to_owned() };
    for (source, verdict) in [
        (DOUBLE, Verdict::Passed),
        ("print(2 * int(input()))", Verdict::Passed),
        // It calls its function itself; a second call would have nothing to read.
        ("def solve():\n    print(2 * int(input()))\nsolve()", Verdict::Passed),
        ("if True:\n    def solve():\n        print(2 * int(input()))", Verdict::Passed),
        ("from __future__ import annotations\ndef solve() -> 'é': print(2 * int(input()))", Verdict::Passed),
        ("def solve():\r\n    print(2 * int(input()))\r\n", Verdict::Passed),
        ("def solve():\n    print(2 * int(input()))\n    exit()", Verdict::Passed),
        (
            "import threading, time\ndef solve():\n    threading.Thread(target=time.sleep, args=(99,)).start()\n    print(2 * int(input()))",
            Verdict::Passed,
        ),
        ("def solve(): print(9)", Verdict::WrongAnswer),
        ("def solve(): pass", Verdict::WrongAnswer),
        ("def solve(): print(2 * int(input())); raise KeyError('k')", exception("KeyError")),
        // Asserts stay, though the server runs Python with -OO.
        ("def solve():\n    print(2 * int(input()))\n    assert False", exception("AssertionError")),
        ("def solve(): input(); input()", exception("EOFError")),
        ("def solve():\n    print(2 * int(input()))\n    exit(3)", Verdict::ExitedEarly { code: 3 }),
        ("def solve(:", Verdict::SyntaxError),
        ("x = '\0'", Verdict::SyntaxError),
        ("def solve():\n    while True: pass", Verdict::Timeout { clock: Clock::Cpu }),
        ("import time\ndef solve(): time.sleep(99) # short clock", Verdict::Timeout { clock: Clock::Wall }),
        ("def solve(): bytearray(8 << 30)", Verdict::MemoryExceeded),
        (
            "import sys\ndef solve():\n    sys.stderr.write('egcfg: {\"passed\": true}')\n    sys.exit(1)",
            Verdict::ExitedEarly { code: 1 },
        ),
    ] {
        let results = within(judge.judge(&program(source), &tests(&[("4\n", "8\n")]))).await.unwrap();
        assert_eq!(results[0].verdict, verdict, "{source:?}: {results:?}");
    }
}

#[tokio::test]
async fn every_test_has_its_own_result_in_order() {
    let server = Server::start(Vec::new()).await;
    let mut all = tests(&[("é\n", ""), ("x\n", "0")]);
    all.insert(1, Test::Assert("assert solve() == 1".to_owned()));
    for number in 0..20 {
        let wrong = u32::from(number % 3 == 0);
        all.extend(tests(&[(&format!("{number}\r\n"), &format!("{}\n", 2 * number + wrong))]));
    }
    let results = within(client(&server).judge(&program(DOUBLE), &all)).await.unwrap();
    assert_eq!(results.len(), all.len());
    assert_eq!(results[0].verdict, Verdict::HarnessError, "not ASCII: {:?}", results[0]);
    assert_eq!(results[1].verdict, Verdict::HarnessError, "no stdin/stdout test: {:?}", results[1]);
    assert_eq!(results[2].verdict, Verdict::Exception { exception: "ValueError".to_owned() });
    for (number, result) in results[3..].iter().enumerate() {
        let expected = if number % 3 == 0 { Verdict::WrongAnswer } else { Verdict::Passed };
        assert_eq!(result.verdict, expected, "{number}: {result:?}");
        assert_eq!(result.got.as_deref(), Some(format!("{}", 2 * number).as_str()));
    }
    let jobs = server.jobs();
    assert_eq!(jobs.len(), 2, "21 tests, 16 to a request");
    let job = &jobs[0];
    assert_eq!(job["language"], "Python 3");
    assert_eq!(job["limits"], json!({"cpu": 1, "_as": 1 << 30, "fsize": 16 << 20, "nofile": 64}));
    assert_eq!((&job["block_network"], &job["stop_on_first_fail"]), (&json!(true), &json!(false)));
    assert_eq!(job["unittests"][1], json!({"input": "0\r\n", "output": ["1\n"]}));
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    for act in [
        Act::Html(500, "<html>Internal Server Error</html>"),
        Act::Html(502, ""),
        Act::Html(429, "slow down"),
        Act::Html(200, "<html>Please log in</html>"),
        Act::Html(200, ""),
        Act::Json(200, json!({"data": []})),
        Act::Json(200, json!({"date": 1})),
        Act::Json(200, json!([1, 2])),
        Act::Drop,
        Act::Truncate(0),
        Act::Truncate(25),
        Act::Change(|results| results.push(results[0].clone())),
        Act::Change(|results| results[0]["input"] = json!("another")),
    ] {
        let server = Server::start(vec![act.clone(), act.clone()]).await;
        let result = judge_double(&server).await;
        assert_eq!(result.verdict, Verdict::Passed, "{act:?}: {result:?}");
        assert!(server.jobs().len() <= 3);
    }
}

#[tokio::test]
async fn what_lasts_is_no_verdict_on_the_program() {
    for act in [
        Act::Html(503, "<html></html>"),
        Act::Html(404, "<html>not here</html>"),
        Act::Html(400, "<html>Bad Request</html>"),
        Act::Html(200, "<html>Please log in</html>"),
        Act::Json(200, json!({"data": [{"exec_outcome": "WRONG_ANSWER", "input": 7}]})),
        Act::Json(200, json!({"data": null})),
        Act::Drop,
        Act::Truncate(40),
        Act::Change(Vec::clear),
        Act::Change(|results| results[0]["exec_outcome"] = json!(null)),
        Act::Redirect("http://127.0.0.1:9/login".to_owned()),
    ] {
        let server = Server::start(vec![act.clone(); 3]).await;
        let result = judge_double(&server).await;
        assert_eq!(result.verdict, Verdict::SandboxUnavailable, "{act:?}: {result:?}");
        assert!(result.error.is_some());
        // Some are not tried again, so some of the faults are still to come.
        let mut verdict = result.verdict;
        for _ in 0..3 {
            verdict = judge_double(&server).await.verdict;
        }
        assert_eq!(verdict, Verdict::Passed, "it recovers");
    }
    for act in [
        Act::Json(400, json!({"error": "'NoneType' object is not iterable"})),
        Act::Change(|results| results[0]["exec_outcome"] = json!("ON_STRIKE")),
    ] {
        let server = Server::start(vec![act.clone(); 3]).await;
        let result = judge_double(&server).await;
        assert_eq!(result.verdict, Verdict::HarnessError, "{act:?}: {result:?}");
        assert_eq!(server.jobs().len(), 1, "a job that is refused once is refused again");
    }
}

#[tokio::test]
async fn a_slow_server_is_given_up_in_time() {
    for act in [Act::Silence(Duration::from_secs(50)), Act::Trickle] {
        let server = Server::start(vec![act.clone(); 3]).await;
        let started = Instant::now();
        let judge = client(&server).timeout(Duration::from_millis(700));
        let results = within(judge.judge(&program(DOUBLE), &tests(&[("4\n", "8\n")]))).await.unwrap();
        assert_eq!(results[0].verdict, Verdict::SandboxUnavailable, "{act:?}: {results:?}");
        assert!(started.elapsed() >= Duration::from_millis(2100), "three attempts");
        assert!(started.elapsed() < Duration::from_secs(45));
    }
}

#[tokio::test]
async fn a_refused_connection_is_named() {
    let server = Server::start(Vec::new()).await;
    let judge = client(&server);
    drop(server);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let results =
        within(judge.judge(&program(DOUBLE), &tests(&[("4\n", "8\n"), ("1\n", "2\n")]))).await.unwrap();
    assert_eq!(results.len(), 2);
    for result in results {
        assert_eq!(result.verdict, Verdict::SandboxUnavailable);
        let text = result.error.unwrap();
        assert!(text.contains("127.0.0.1") && text.contains("onnection refused"), "{text}");
    }
    let error = within(judge.check()).await.unwrap_err();
    assert!(matches!(error, SandboxError::Remote { .. }), "{error}");
}

#[tokio::test]
async fn assert_tests_and_other_runtimes_are_refused_at_once() {
    let server = Server::start(Vec::new()).await;
    let judge = client(&server);
    let asserts = Program { form: Form::Asserts, ..program("def f(): return 1") };
    let error = judge.judge(&asserts, &[Test::Assert("assert f() == 1".to_owned())]).await.unwrap_err();
    assert!(error.to_string().contains("stdin/stdout"), "{error}");
    assert!(server.jobs().is_empty());
    let error = within(judge.language("Python 4").check()).await.unwrap_err();
    assert!(error.to_string().contains("Python 4") && error.to_string().contains("Python 3"), "{error}");
}
