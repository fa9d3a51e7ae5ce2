//! Case 37, the sandbox's own processes at fault: a warm interpreter that dies, hangs or talks nonsense, forks that fail,
//! children that die or talk nonsense before they have seen a program, comparers that do. Nothing hangs, no verdict on a
//! program comes of it, and the next program is judged as always.
#![allow(clippy::unwrap_used, reason = "what a helper cannot have fails the test")]

mod common;
#[path = "faults/interpreter.rs"]
mod interpreter;

use std::time::{Duration, Instant};

use common::{asserts, program, stdio};
use egcfg_sandbox::{Level, LevelChoice, Limits, Patience, Program, Sandbox, SandboxError, SandboxOptions};
use egcfg_task::{Test, TestResult, Verdict};
use interpreter::{Broken, Edit, Often};

/// Only so many at once: each has interpreters of its own. Most of their time they wait.
static SLOTS: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(5);

async fn start(broken: &Broken, level: LevelChoice, patience: Patience) -> Result<Sandbox, SandboxError> {
    let options = SandboxOptions {
        python: Some(broken.path()),
        level,
        workers: 1,
        limits: Limits { wall: Duration::from_secs(20), idle: Duration::from_secs(15), ..Limits::default() },
        calibrate: false,
        patience,
        ..SandboxOptions::default()
    };
    within(60, Sandbox::start(options)).await
}

async fn within<T>(seconds: u64, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(seconds), future).await.expect("nothing hangs")
}

/// A right and a wrong program of both forms. Those with code before their tests have a fresh comparer each.
fn cases() -> Vec<(Program, Vec<Test>, Verdict)> {
    let spoils = |source: &str| Program { setup_code: "unused = 1".to_owned(), ..program(source) };
    let echo = |stdout: &str| vec![Test::stdio("1", stdout)];
    vec![
        (
            spoils("def f(x): return x + 1"),
            asserts(&["assert f(1) == 2", "assert f(2) == 3"]),
            Verdict::Passed,
        ),
        (spoils("def f(x): return x"), asserts(&["assert f(1) == 2"]), Verdict::WrongAnswer),
        // Its process ends by itself, so that the warm interpreter is asked how.
        (
            program("import os\ndef f(x): os._exit(7)"),
            asserts(&["assert f(1) == 2"]),
            Verdict::ExitedEarly { code: 7 },
        ),
        (stdio("def solve(): print(int(input()) + 1)"), echo("2"), Verdict::Passed),
        (stdio("def solve(): print(int(input()))"), echo("2"), Verdict::WrongAnswer),
    ]
}

/// Judges the cases. Each verdict must be the right one or say that we failed; how many did.
async fn round(sandbox: &Sandbox, cases: &[(Program, Vec<Test>, Verdict)]) -> usize {
    let mut failures = 0;
    for (program, tests, right) in cases {
        let judged: Result<Vec<TestResult>, SandboxError> = within(30, sandbox.judge(program, tests)).await;
        match judged {
            Err(_) => failures += 1,
            Ok(results) => {
                assert_eq!(results.len(), tests.len());
                for result in results {
                    assert!(
                        !result.verdict.is_scored() || result.verdict == *right,
                        "{program:?}: {result:?}"
                    );
                    failures += usize::from(!result.verdict.is_scored());
                }
            }
        }
    }
    failures
}

/// The sandbox lives through the fault and is well again when it has passed. Returns how many judgements failed.
async fn survives(sandbox: &Sandbox, broken: &Broken, fault: &str, often: Often) -> usize {
    let all = cases();
    // Each failure that lasts takes seconds, in which the sandbox tries again.
    let some = if often == Often::Always { &all[..1] } else { &all[..] };
    broken.arm(fault, often);
    // What waits ready was made before.
    let armed = Instant::now();
    let mut failures = 0;
    while !broken.seen() || often == Often::Always && failures == 0 {
        failures += round(sandbox, some).await;
        assert!(armed.elapsed() < Duration::from_secs(40), "the fault never happened: {fault}");
    }
    if often == Often::Once {
        failures += round(sandbox, some).await;
    }
    broken.disarm();
    let disarmed = Instant::now();
    while round(sandbox, some).await > 0 {
        assert!(disarmed.elapsed() < Duration::from_secs(40), "it does not recover: {fault}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(round(sandbox, &all).await, 0, "after {fault}, {failures} failures during it");
    failures
}

/// Whether a fault must be seen in results, or is made good before anybody notices.
#[derive(PartialEq)]
enum Seen {
    Never,
    Perhaps,
    Always,
}

/// Each of these faults in turn, at the strongest layer here, and the first two of them at L0.
async fn all_survived(edits: &[Edit], faults: &[(&str, Often)], seen: Seen, patience: Patience) {
    for (level, count) in [(LevelChoice::Auto, faults.len()), (LevelChoice::Exactly(Level::L0), 2)] {
        let _slot = SLOTS.acquire().await.unwrap();
        let broken = Broken::new(edits);
        let sandbox = start(&broken, level, patience.clone()).await.unwrap();
        assert_eq!(round(&sandbox, &cases()).await, 0, "before any fault");
        for (fault, often) in faults.iter().take(count) {
            let mut failures = survives(&sandbox, &broken, fault, *often).await;
            // A broken child may be one too many, and thrown away before it has anything to do.
            for _ in 0..5 {
                if seen == Seen::Always && failures == 0 {
                    failures = survives(&sandbox, &broken, fault, *often).await;
                }
            }
            assert!(seen != Seen::Always || failures > 0, "nobody noticed {fault}");
            assert!(seen != Seen::Never || failures == 0, "{failures} failures by {fault}");
        }
    }
}

const ZYGOTE: &str = "_egcfg_zygote";
const COMPARER: &str = "_egcfg_comparer";

/// The warm interpreter's answer to a request to fork.
const FORKS: Edit = (
    ZYGOTE,
    "",
    r"
_well_fork = _fork
def _fork(*request):
    what = fault()
    return eval(what) if what else _well_fork(*request)
",
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warm_interpreter_that_answers_garbage_is_replaced() {
    let once = [
        r"b'\x00\xffgarbage'",
        r"b'P\x01'",
        "b'P' + struct.pack('=i', -7)",
        "b'P' + struct.pack('=i', 1)",
        "b'P' + b'x' * 4000",
    ];
    all_survived(&[FORKS], &once.map(|fault| (fault, Often::Once)), Seen::Perhaps, Patience::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warm_interpreter_that_dies_is_replaced() {
    let faults = [
        ("os._exit(3)", Often::Once),
        ("os.kill(os.getpid(), 9)", Often::Once),
        ("os.kill(os.getpid(), 11)", Often::Always),
        ("b'?'", Often::Always),
    ];
    all_survived(&[FORKS], &faults, Seen::Perhaps, Patience::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warm_interpreter_that_hangs_is_replaced() {
    let faults = [("__import__('time').sleep(3600)", Often::Once)];
    let patience = Patience { answer: Duration::from_secs(2), ..Patience::default() };
    all_survived(&[FORKS], &faults, Seen::Perhaps, patience).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fork_that_fails_is_no_verdict() {
    let forks = r"
_forks_well = Namespaces.fork
def _refused():
    raise BlockingIOError(11, 'Resource temporarily unavailable')
Namespaces.fork = lambda self, fork=os.fork: _forks_well(self, _refused if fault() else fork)
";
    // One is tried again at once.
    let once = [("again", Often::Once)];
    all_survived(&[(ZYGOTE, "", forks)], &once, Seen::Never, Patience::default()).await;
    let always = [("and again", Often::Always)];
    all_survived(&[(ZYGOTE, "", forks)], &always, Seen::Always, Patience::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_about_how_a_child_ended_is_no_verdict() {
    let reaps = r"
_well_reap = _reap
def _reap(*request):
    what = fault()
    return eval(what) if what else _well_reap(*request)
";
    let faults = ["b'nonsense'", r"b'S\x00'", "b'E'", "b'S' + bytes(4000)"];
    let faults = faults.map(|fault| (fault, Often::Once));
    all_survived(&[(ZYGOTE, "", reaps)], &faults, Seen::Perhaps, Patience::default()).await;
}

/// What a child of this role does before its work. The warm interpreter decides whether.
fn begins(role: &str) -> Edit {
    let text = format!(
        r"
broken = ''
_well_forks = _fork
def _fork(fork, confinement, control, rest, fds):
    global broken
    broken = fault() if rest[:1] == b'{role}' else ''
    return _well_forks(fork, confinement, control, rest, fds)
def _after_a_fault(serve):
    def begin(*descriptors):
        if broken:
            eval(broken)
        serve(*descriptors)
    return begin
candidate.serve, comparer.serve = _after_a_fault(candidate.serve), _after_a_fault(comparer.serve)
"
    );
    (ZYGOTE, "", Box::leak(text.into_boxed_str()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_that_dies_or_talks_nonsense_at_its_start_is_no_verdict() {
    let faults = [
        "os._exit(1)",
        "os.kill(os.getpid(), 9)",
        "__import__('time').sleep(3600)",
        "(candidate.send(PROTOCOL, b'Z', b'hello'), os._exit(0))",
        r"(os.write(PROTOCOL, b'\xff\xff\xff\xffG'), os._exit(0))",
        r"(os.write(PROTOCOL, b'\x05\x00\x00\x00G'), os._exit(0))",
        "(os.write(PROTOCOL, bytes(range(256)) * 100), os._exit(0))",
        "(candidate.send(PROTOCOL, b'H', b'landlock (not today)'), os._exit(0))",
    ];
    let faults = faults.map(|fault| (fault, Often::Once));
    let patience = Patience { greeting: Duration::from_secs(2), ..Patience::default() };
    // Another one is taken instead.
    let (candidates, comparers) = ([begins("c")], [begins("t")]);
    tokio::join!(
        all_survived(&candidates, &faults, Seen::Never, patience.clone()),
        all_survived(&comparers, &faults, Seen::Never, patience.clone()),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_comparer_that_dies_or_talks_nonsense_is_no_verdict() {
    let reports = r#"
broken = ""
_well_send = send
def send(fd, kind, *fields):
    if broken and kind == b"O":
        eval(broken, {"os": __import__("os"), "send": _well_send, "fd": fd})
    _well_send(fd, kind, *fields)
"#;
    let faults = [
        "os._exit(0)",
        "os.kill(os.getpid(), 9)",
        r"os.write(fd, b'\xff\xff\xff\x7fO')",
        "send(fd, b'O', b'splendid')",
        "send(fd, b'?', b'what')",
        "send(fd, b'C')",
        "send(fd, b'O')",
    ];
    let faults = faults.map(|fault| format!("setattr(comparer, 'broken', {fault:?})"));
    let faults: Vec<_> = faults.iter().map(|fault| (fault.as_str(), Often::Once)).collect();
    let edits = [begins("t"), (COMPARER, "", reports)];
    all_survived(&edits, &faults, Seen::Always, Patience::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interpreter_that_never_becomes_warm_is_an_error() {
    let warm = "control.send(b\"warm\")";
    for (instead, says) in [
        ("os._exit(9)", ""),
        ("control.send(b\"cold\")", ""),
        ("raise ValueError(\"no luck today\")", "no luck today"),
        ("control.close(); __import__('time').sleep(3600)", ""),
        ("__import__('time').sleep(3600)", ""),
    ] {
        let _slot = SLOTS.acquire().await.unwrap();
        let broken = Broken::new(&[(ZYGOTE, warm, instead)]);
        let patience = Patience { warming: Duration::from_secs(1), ..Patience::default() };
        let error = start(&broken, LevelChoice::Auto, patience).await.expect_err("it is broken");
        assert!(matches!(error, SandboxError::Zygote(_)), "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
}
