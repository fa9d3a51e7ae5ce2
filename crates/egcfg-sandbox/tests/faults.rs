//! Case 37, the sandbox's own processes at fault: a warm interpreter that dies, hangs or talks nonsense, forks that fail,
//! children that die or talk nonsense before they have seen a program, comparers that do. Nothing hangs, no verdict on a
//! program comes of it, and the next program is judged as always.
#![allow(clippy::unwrap_used, reason = "what a helper cannot have fails the test")]

mod common;
#[path = "faults/interpreter.rs"]
mod interpreter;

use std::time::{Duration, Instant};

use common::{asserts, program, stdio};
use egcfg_sandbox::{Limits, Sandbox, SandboxError, SandboxOptions};
use egcfg_task::{Test, TestResult, Verdict};
use interpreter::{Broken, Edit, Often};

/// Only so many at once: each has interpreters of its own.
static SLOTS: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(3);

async fn start(broken: &Broken) -> Result<Sandbox, SandboxError> {
    let options = SandboxOptions {
        python: Some(broken.path()),
        workers: 1,
        limits: Limits { wall: Duration::from_secs(20), idle: Duration::from_secs(15), ..Limits::default() },
        ..SandboxOptions::default()
    };
    within(60, Sandbox::start(options)).await
}

async fn within<T>(seconds: u64, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(seconds), future).await.expect("nothing hangs")
}

/// Judges a right and a wrong program of both forms. Each verdict must be the right one or say that we failed.
async fn round(sandbox: &Sandbox) -> usize {
    let cases = [
        (
            program("def f(x): return x + 1"),
            asserts(&["assert f(1) == 2", "assert f(2) == 3"]),
            Verdict::Passed,
        ),
        (program("def f(x): return x"), asserts(&["assert f(1) == 2"]), Verdict::WrongAnswer),
        (
            stdio("def solve(): print(int(input()) + 1)"),
            vec![Test::Stdio { stdin: "1".to_owned(), stdout: "2".to_owned() }],
            Verdict::Passed,
        ),
    ];
    let mut failures = 0;
    for (program, tests, right) in cases {
        let judged: Result<Vec<TestResult>, SandboxError> = within(90, sandbox.judge(&program, &tests)).await;
        match judged {
            Err(_) => failures += 1,
            Ok(results) => {
                assert_eq!(results.len(), tests.len());
                for result in results {
                    assert!(
                        !result.verdict.is_scored() || result.verdict == right,
                        "{program:?}: {result:?}"
                    );
                    failures += usize::from(!result.verdict.is_scored());
                }
            }
        }
    }
    failures
}

/// The sandbox lives through the fault and is well again when it has passed.
async fn survives(edits: &[Edit], often: Often) {
    let _slot = SLOTS.acquire().await.unwrap();
    let broken = Broken::new(edits);
    let sandbox = start(&broken).await.unwrap();
    assert_eq!(round(&sandbox).await, 0, "before the fault");
    broken.arm(often);
    // What waits ready was made before.
    let armed = Instant::now();
    let mut failures = 0;
    while !broken.seen() || matches!(often, Often::Always) && failures == 0 {
        failures += round(&sandbox).await;
        assert!(armed.elapsed() < Duration::from_secs(120), "the fault never happened: {edits:?}");
    }
    failures += round(&sandbox).await;
    broken.disarm();
    let disarmed = Instant::now();
    while round(&sandbox).await > 0 {
        assert!(disarmed.elapsed() < Duration::from_secs(60), "it does not recover: {edits:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(round(&sandbox).await, 0, "after the fault, {failures} failures during it");
}

const ZYGOTE: &str = "_egcfg_zygote";
const FORK: &str = "control.send(_fork(confinement, control, rest, fds))";
const REAP: &str = "control.send(_reap(struct.unpack(\"=i\", rest)[0]))";

/// The warm interpreter's answer to a request to fork.
fn forks_with(answer: &str) -> Vec<Edit> {
    vec![(ZYGOTE, FORK, keep(format!("if fault(): {answer}\n            else: {FORK}")))]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warm_interpreter_that_answers_garbage_is_replaced() {
    for answer in [
        "control.send(b'\\x00\\xffgarbage')",
        "control.send(b'P\\x01')",
        "control.send(b'P' + struct.pack('=i', -7))",
        "control.send(b'P' + struct.pack('=i', 1))",
        "control.send(b'P' + b'x' * 4000)",
    ] {
        survives(&forks_with(answer), Often::Once).await;
    }
    survives(&forks_with("control.send(b'?')"), Often::Always).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warm_interpreter_that_dies_is_replaced() {
    survives(&forks_with("os._exit(3)"), Often::Once).await;
    survives(&forks_with("os.kill(os.getpid(), 11)"), Often::Always).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warm_interpreter_that_hangs_is_replaced() {
    survives(&forks_with("__import__('time').sleep(3600)"), Often::Once).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fork_that_fails_is_no_verdict() {
    let edit =
        "if fault(): raise BlockingIOError(11, 'Resource temporarily unavailable')\n        pid = os.fork()";
    for often in [Often::Once, Often::Always] {
        survives(&[(ZYGOTE, "pid = os.fork()", edit)], often).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_about_how_a_child_ended_is_no_verdict() {
    // Its process ends by itself, so that the answer is asked for.
    for answer in ["b'nonsense'", "b'S\\x00'", "b'E'"] {
        let edit = format!("control.send({answer} if fault() else _reap(struct.unpack(\"=i\", rest)[0]))");
        survives(&[(ZYGOTE, REAP, keep(edit))], Often::Once).await;
    }
}

/// Keeps a change that a test made up.
fn keep(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

/// What a child does instead of its work, before it has seen any of a program. The warm interpreter decides whether.
fn begins_with(child: &str) -> Vec<Edit> {
    const WORK: &str = "    if role == b\"c\":\n        candidate.serve";
    const PID: &str = "        pid = os.fork()";
    let decide =
        "        global broken\n        broken = rest[:1] != b'p' and fault()\n        pid = os.fork()";
    vec![(ZYGOTE, PID, decide), (ZYGOTE, WORK, keep(format!("    if broken:\n        {child}\n{WORK}")))]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_that_dies_or_talks_nonsense_at_its_start_is_no_verdict() {
    for child in [
        "os._exit(1)",
        "os.kill(os.getpid(), 9)",
        "candidate.send(PROTOCOL, b'Z', b'hello'); os._exit(0)",
        "os.write(PROTOCOL, b'\\xff\\xff\\xff\\xffG'); os._exit(0)",
        "os.write(PROTOCOL, b'\\x05\\x00\\x00\\x00G'); os._exit(0)",
        "os.write(PROTOCOL, bytes(range(256)) * 100); os._exit(0)",
        "candidate.send(PROTOCOL, b'H', b'landlock (not today)'); os._exit(0)",
    ] {
        survives(&begins_with(child), Often::Once).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_comparer_that_dies_or_talks_nonsense_is_no_verdict() {
    let asked = "send(fd, b\"O\", *[field";
    for nonsense in [
        "os._exit(0)",
        "os.kill(os.getpid(), 9)",
        "os.write(fd, b'\\xff\\xff\\xff\\x7fO')",
        "send(fd, b'O', b'splendid')",
        "send(fd, b'?', b'what')",
        "send(fd, b'C')",
        "send(fd, b'O')",
    ] {
        let mut edits = begins_with("comparer.broken = True");
        edits.push(("_egcfg_comparer", "_GOT = 300", "_GOT, broken = 300, False"));
        edits.push((
            "_egcfg_comparer",
            asked,
            keep(format!(
                "if broken:\n                import os\n                {nonsense}\n            {asked}"
            )),
        ));
        survives(&edits, Often::Once).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interpreter_that_never_becomes_warm_is_an_error() {
    let warm = "control.send(b\"warm\")";
    for instead in [
        "os._exit(9)",
        "control.send(b\"cold\")",
        "raise ValueError(\"no luck today\")",
        "control.close(); __import__('time').sleep(3600)",
    ] {
        let _slot = SLOTS.acquire().await.unwrap();
        let broken = Broken::new(&[(ZYGOTE, warm, instead)]);
        let error = start(&broken).await.expect_err("it is broken");
        assert!(matches!(error, SandboxError::Zygote(_)), "{error}");
        if instead.contains("luck") {
            assert!(error.to_string().contains("no luck today"), "{error}");
        }
    }
}
