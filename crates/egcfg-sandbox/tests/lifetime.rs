//! What happens when somebody dies: the supervisor, a warm interpreter, the future that waits for a verdict.
#![allow(clippy::unwrap_used, reason = "what a helper cannot have fails the test")]

mod common;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{asserts, children, descendants, judge, program, sandbox};
use egcfg_sandbox::{Limits, Sandbox, SandboxOptions};
use egcfg_task::Verdict;

/// Each of these tests looks at all processes of this one, or kills some: one at a time.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

fn alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, tail)| !tail.trim_start().starts_with('Z'))
}

/// Waits until none of them lives.
fn gone(pids: &[u32]) -> bool {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(10) {
        if !pids.iter().any(|&pid| alive(pid)) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

/// A supervisor to kill: this test binary once more, in the role of the helper below.
fn supervisor(temporary: &Path) -> Child {
    let mut supervisor = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "helper_that_is_killed", "--ignored", "--nocapture"])
        .env(HELPER, "1")
        .env("TMPDIR", temporary)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(supervisor.stdout.take().unwrap()).lines();
    let started = lines.map_while(Result::ok).any(|line| line.ends_with("all programs run"));
    assert!(started, "the supervisor ended before it began");
    supervisor
}

const HELPER: &str = "EGCFG_TEST_HELPER";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by other tests: a process for other tests to kill"]
async fn helper_that_is_killed() {
    if std::env::var_os(HELPER).is_none() {
        return;
    }
    let hour = Duration::from_secs(3600);
    let limits = Limits { wall: hour, cpu: hour, idle: hour, ..Limits::default() };
    let sandbox =
        Sandbox::start(SandboxOptions { workers: 2, limits, ..SandboxOptions::default() }).await.unwrap();
    for source in ["def f(x):\n    while True: pass", "import time\ndef f(x):\n    time.sleep(3600)"] {
        let sandbox = sandbox.clone();
        tokio::spawn(async move { judge(&sandbox, source, "f(1)").await });
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    println!("all programs run");
    tokio::time::sleep(hour).await;
}

#[test]
fn case_37_a_killed_supervisor_leaves_no_process() {
    let _alone = ALONE.blocking_lock();
    for signal in ["KILL", "INT", "TERM"] {
        let temporary = tempfile::tempdir().unwrap();
        let mut supervisor = supervisor(temporary.path());
        let pids = descendants(supervisor.id());
        assert!(pids.len() >= 5, "an interpreter, two programs, their comparers: {pids:?}");
        let status =
            Command::new("kill").args([&format!("-{signal}"), &supervisor.id().to_string()]).status();
        assert!(status.unwrap().success());
        supervisor.wait().unwrap();
        assert!(
            gone(&pids),
            "after SIG{signal} there are still {:?}",
            pids.iter().filter(|&&pid| alive(pid)).collect::<Vec<_>>()
        );
        // What it left on disk goes with the next start.
        let mut again = self::supervisor(temporary.path());
        let base = std::fs::read_dir(temporary.path()).unwrap().next().unwrap().unwrap().path();
        assert_eq!(std::fs::read_dir(&base).unwrap().count(), 1, "only the new one's directory");
        again.kill().unwrap();
        again.wait().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_interpreter_is_replaced_and_its_death_is_no_verdict() {
    let _alone = ALONE.lock().await;
    let sandbox = sandbox().await;
    let slow = "import time\ndef f(x):\n    time.sleep(0.6)\n    return 2";
    let waiting = {
        let sandbox = sandbox.clone();
        tokio::spawn(async move { judge(&sandbox, slow, "assert f(1) == 2").await })
    };
    tokio::time::sleep(Duration::from_millis(250)).await;
    // The warm interpreters are our children; everything else descends from them.
    for pid in children(std::process::id()) {
        let name = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        if name.contains("_egcfg_zygote") {
            Command::new("kill").args(["-KILL", &pid.to_string()]).status().unwrap();
        }
    }
    let result = waiting.await.unwrap();
    assert!(
        matches!(result.verdict, Verdict::Passed | Verdict::SandboxUnavailable),
        "the second try passes, or the failure is said to be ours: {result:?}"
    );
    for _ in 0..3 {
        assert_eq!(judge(&sandbox, "def f(x): return 2", "assert f(1) == 2").await.verdict, Verdict::Passed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_judgement_ends_its_program() {
    let _alone = ALONE.lock().await;
    let sandbox = sandbox().await;
    let endless = program("import time\ndef f(x):\n    while True: time.sleep(0.01)");
    let tests = asserts(&["f(1)"]);
    let before = descendants(std::process::id()).len();
    for _ in 0..3 {
        let judged = tokio::time::timeout(Duration::from_millis(200), sandbox.judge(&endless, &tests)).await;
        assert!(judged.is_err(), "it never ends: {judged:?}");
    }
    let started = Instant::now();
    let sane = |count: usize| count <= before + 2;
    while !sane(descendants(std::process::id()).len()) && started.elapsed() < Duration::from_secs(10) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let left = descendants(std::process::id()).len();
    assert!(sane(left), "{left} processes, {before} before");
    assert_eq!(judge(&sandbox, "def f(x): return 2", "assert f(1) == 2").await.verdict, Verdict::Passed);
}
