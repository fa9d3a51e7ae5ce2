//! Case 37, the machine at fault: no descriptors, no processes, no room on the disk, a supervisor or a warm interpreter that
//! is stopped and continued, a clock that is set, 200 programs at once. Each case runs in a process of its own (this test
//! binary once more), whose limits and mounts are nobody else's.
#![allow(clippy::unwrap_used, reason = "what a helper cannot have fails the test")]

mod common;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{asserts, children, judge, note, program, stdio};
use egcfg_sandbox::{Limits, Sandbox, SandboxError, SandboxOptions};
use egcfg_task::{Test, TestResult, Verdict};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const HELPER: &str = "EGCFG_TEST_HELPER";
/// What a helper prints at its end.
const DONE: &str = "all as it should be";

/// The command that runs a case of [`helper`], behind `wrapper`.
fn case(name: &str, temporary: &Path, wrapper: &[&str]) -> Command {
    let this = std::env::current_exe().unwrap();
    let mut words: Vec<&str> = wrapper.to_vec();
    words.push(this.to_str().unwrap());
    words.extend(["--exact", "helper", "--ignored", "--nocapture"]);
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).env(HELPER, name).env("TMPDIR", temporary);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Waits for a helper, for so many seconds at most; what it wrote, if it did not end well.
fn finish(mut helper: Child, seconds: u64) {
    let started = Instant::now();
    let mut status = None;
    while status.is_none() && started.elapsed() < Duration::from_secs(seconds) {
        std::thread::sleep(Duration::from_millis(20));
        status = helper.try_wait().unwrap();
    }
    if status.is_none() {
        let _ = helper.kill();
        let _ = helper.wait();
    }
    let (mut out, mut err) = (String::new(), String::new());
    helper.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    helper.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert!(status.is_some(), "it hangs:\n{out}\n{err}");
    assert!(status.unwrap().success() && out.contains(DONE), "{status:?}:\n{out}\n{err}");
}

fn run(name: &str) {
    let temporary = tempfile::tempdir().unwrap();
    finish(case(name, temporary.path(), &[]).spawn().unwrap(), 120);
}

async fn start(workers: usize, limits: Limits) -> Sandbox {
    Sandbox::start(SandboxOptions { workers, limits, ..SandboxOptions::default() }).await.unwrap()
}

/// Whether a judgement says that we failed; anything else must be `right`.
fn failed(judged: &Result<Vec<TestResult>, SandboxError>, right: &Verdict) -> bool {
    match judged {
        Err(_) => true,
        Ok(results) => results.iter().any(|result| {
            assert!(!result.verdict.is_scored() || result.verdict == *right, "{result:?}");
            !result.verdict.is_scored()
        }),
    }
}

const RIGHT: &str = "def f(x): return 2";
const TEST: &str = "assert f(1) == 2";
const ECHO: &str = "def solve(): print(len(input()))";

async fn passes(sandbox: &Sandbox) {
    for _ in 0..4 {
        assert_eq!(judge(sandbox, RIGHT, TEST).await.verdict, Verdict::Passed);
    }
    let results = sandbox.judge(&stdio(ECHO), &[echo("xyz")]).await.unwrap();
    assert_eq!(results[0].verdict, Verdict::Passed);
}

/// Lets the next children get ready.
async fn settled(sandbox: &Sandbox) {
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(judge(sandbox, RIGHT, TEST).await.verdict, Verdict::Passed);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
}

fn echo(text: &str) -> Test {
    Test::stdio(text, text.len().to_string())
}

/// Judges until the children that were made before the fault are used up.
async fn uses_up(sandbox: &Sandbox) -> usize {
    let mut failures = 0;
    for _ in 0..4 {
        let tests = asserts(&[TEST]);
        failures += usize::from(failed(&sandbox.judge(&program(RIGHT), &tests).await, &Verdict::Passed));
        let long = "x".repeat(3 << 20);
        failures += usize::from(failed(&sandbox.judge(&stdio(ECHO), &[echo(&long)]).await, &Verdict::Passed));
    }
    failures
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by other tests: the process in which other tests run their case"]
async fn helper() {
    match std::env::var(HELPER).as_deref() {
        Ok("descriptors") => descriptors().await,
        Ok("processes") => processes().await,
        Ok("disk") => disk().await,
        Ok("pause") => pause().await,
        Ok("interpreter") => interpreter().await,
        Ok("many") => many().await,
        Ok("clock") => clock().await,
        _ => return,
    }
    note(DONE);
}

/// A program that computes for longer than it may idle.
const BUSY: &str = "import time\ndef f(x):\n    t = time.process_time()\n    while time.process_time() < t + 1.2: pass\n    return 2";

async fn descriptors() {
    let limits = Limits { idle: Duration::from_millis(500), ..Limits::default() };
    let sandbox = start(1, limits).await;
    passes(&sandbox).await;
    settled(&sandbox).await;
    setrlimit(Resource::Nofile, Rlimit { current: Some(256), maximum: Some(256) }).unwrap();
    let mut held = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        held.push(file);
    }
    // Its children wait already; its clocks must be read without a descriptor to be had.
    let results = sandbox.judge(&program(BUSY), &asserts(&[TEST])).await;
    assert!(!failed(&results, &Verdict::Passed), "{results:?}");
    assert!(uses_up(&sandbox).await > 0, "without descriptors there are no children");
    let error = Sandbox::start(SandboxOptions::default()).await.map(drop).expect_err("no descriptors");
    assert!(error.to_string().contains("open files"), "{error}");
    drop(held);
    passes(&sandbox).await;
}

#[test]
fn without_descriptors_nothing_is_concluded() {
    run("descriptors");
}

fn warm_interpreters() -> Vec<u32> {
    let mut found = children(std::process::id());
    found.retain(|pid| {
        let name = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        name.contains("_egcfg_zygote")
    });
    found.into_iter().flat_map(served_by).collect()
}

/// With namespaces of its own a warm interpreter is the child of a process that only waits for it.
fn served_by(pid: u32) -> Vec<u32> {
    let namespace = |name: &str| std::fs::read_link(format!("/proc/{pid}/ns/{name}")).ok();
    if namespace("pid") == namespace("pid_for_children") { vec![pid] } else { children(pid) }
}

fn processes_allowed(pid: &str, soft: &str) {
    let status =
        Command::new("prlimit").args([&format!("--pid={pid}"), &format!("--nproc={soft}:")]).status();
    assert!(status.unwrap().success());
}

async fn processes() {
    let sandbox = start(1, Limits::default()).await;
    passes(&sandbox).await;
    // A program that leaves something behind, which a thread would remove.
    let litter = "import os\ndef f(x):\n    os.makedirs('a/b'); open('a/b/c', 'w').close()\n    return 2";
    let pids = warm_interpreters();
    assert!(!pids.is_empty());
    let warm = pids[0].to_string();
    // This user's processes and threads are more than one already.
    processes_allowed(&warm, "1");
    setrlimit(Resource::Nproc, Rlimit { current: Some(1), ..getrlimit(Resource::Nproc) }).unwrap();
    let _ = sandbox.judge(&program(litter), &asserts(&[TEST])).await;
    assert!(uses_up(&sandbox).await > 0, "without processes there are no children");
    setrlimit(Resource::Nproc, Rlimit { current: Some(4096), ..getrlimit(Resource::Nproc) }).unwrap();
    processes_allowed(&warm, "4096");
    let litter = sandbox.judge(&program(litter), &asserts(&[TEST])).await;
    assert!(!failed(&litter, &Verdict::Passed), "{litter:?}");
    passes(&sandbox).await;
}

/// The limit of processes does not bind root, so this takes a user of its own.
#[test]
fn without_processes_nothing_is_concluded() {
    const USER: &str = "1073610001";
    if !rustix::process::geteuid().is_root() {
        note("skipped: only root can become a user that has no processes");
        return;
    }
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().to_str().unwrap();
    // The binary may lie where that user cannot look.
    let binary = temporary.path().join("helper");
    std::fs::copy(std::env::current_exe().unwrap(), &binary).unwrap();
    assert!(Command::new("chown").args(["-R", USER, path]).status().unwrap().success());
    let user = ["setpriv", &format!("--reuid={USER}"), &format!("--regid={USER}"), "--clear-groups"];
    let python = Command::new(user[0])
        .args(&user[1..])
        .args([
            "env",
            "PATH=/usr/local/bin:/usr/bin:/bin",
            "python3",
            "-S",
            "-c",
            "import sys; assert sys.version_info >= (3, 9)",
        ])
        .status();
    if !python.is_ok_and(|status| status.success()) {
        note("skipped: another user finds no python3 in /usr/local/bin, /usr/bin or /bin");
        return;
    }
    let mut command = Command::new(user[0]);
    command.args(&user[1..]).arg(&binary).args(["--exact", "helper", "--ignored", "--nocapture"]);
    command.env(HELPER, "processes").env("TMPDIR", path).env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command.env_remove("VIRTUAL_ENV").current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(command.spawn().unwrap(), 120);
}

async fn disk() {
    let sandbox = start(1, Limits::default()).await;
    passes(&sandbox).await;
    settled(&sandbox).await;
    let base = std::env::temp_dir();
    // Children that wait have their directory; a long input finds no room in it.
    let ballast = base.join("ballast");
    let filled = std::fs::write(&ballast, vec![1; 64 << 20]);
    assert!(filled.is_err(), "the disk is small");
    let long = "x".repeat(1 << 20);
    let results = sandbox.judge(&stdio(ECHO), &[echo(&long)]).await;
    assert!(failed(&results, &Verdict::Passed), "{results:?}");
    // No inodes either.
    let mut number = 0;
    while std::fs::write(base.join(format!("n{number}")), "").is_ok() {
        number += 1;
    }
    assert!(uses_up(&sandbox).await > 0, "without inodes there are no work directories");
    let error = Sandbox::start(SandboxOptions::default()).await.map(drop).expect_err("no room");
    assert!(matches!(error, SandboxError::WorkDirectory { .. }), "{error}");
    std::fs::remove_file(&ballast).unwrap();
    for number in 0..number {
        std::fs::remove_file(base.join(format!("n{number}"))).unwrap();
    }
    passes(&sandbox).await;
}

#[test]
fn without_room_on_the_disk_nothing_is_concluded() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().to_str().unwrap();
    let mount = format!("mount -t tmpfs -o size=16m,nr_inodes=256 none '{path}'");
    let possible = Command::new("unshare").args(["--mount", "sh", "-c", &mount]).output();
    if !possible.is_ok_and(|output| output.status.success()) {
        note("skipped: no mount namespace with a small disk can be had");
        return;
    }
    let script = format!("{mount} && exec \"$0\" \"$@\"");
    let wrapper = ["unshare", "--mount", "sh", "-c", &script];
    finish(case("disk", temporary.path(), &wrapper).spawn().unwrap(), 120);
}

async fn pause() {
    let limits = Limits { wall: Duration::from_secs(5), idle: Duration::from_secs(2), ..Limits::default() };
    let sandbox = start(1, limits).await;
    passes(&sandbox).await;
    // More than a pipe holds: while nobody drains it, the program stands still.
    let source = "import time\ndef solve():\n    time.sleep(0.5)\n    print('x' * 300000)\n    time.sleep(0.2)\n    print('y')";
    let expected = format!("{}\ny", "x".repeat(300_000));
    note("stop me");
    let test = Test::stdio(String::new(), expected);
    let results = sandbox.judge(&stdio(source), &[test]).await.unwrap();
    assert_eq!(results[0].verdict, Verdict::Passed, "{:?}", results[0].error);
    // And in the middle of a conversation between program and test.
    let source = "import time\ndef f(x):\n    time.sleep(0.01)\n    return x";
    let test = "for n in range(80): assert f(n) == n";
    note("stop me");
    assert_eq!(judge(&sandbox, source, test).await.verdict, Verdict::Passed);
    passes(&sandbox).await;
}

#[test]
fn a_pause_of_the_supervisor_is_no_time_limit() {
    let temporary = tempfile::tempdir().unwrap();
    let mut helper = case("pause", temporary.path(), &[]).spawn().unwrap();
    let pid = helper.id().to_string();
    let mut lines = BufReader::new(helper.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut pauses = 0;
    let mut done = false;
    for line in &mut lines {
        done |= line.contains(DONE);
        if line.ends_with("stop me") {
            pauses += 1;
            std::thread::sleep(Duration::from_millis(300));
            for (signal, seconds) in [("-STOP", 6), ("-CONT", 0)] {
                assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
                std::thread::sleep(Duration::from_secs(seconds));
            }
        }
    }
    let mut text = String::new();
    helper.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(helper.wait().unwrap().success() && done, "{text}");
    assert_eq!(pauses, 2);
}

fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success());
}

async fn interpreter() {
    let sandbox = start(1, Limits::default()).await;
    passes(&sandbox).await;
    // Stopped and continued: what it was asked meanwhile is answered then.
    for name in ["-STOP", "-KILL"] {
        let slow = "import time\ndef f(x):\n    time.sleep(0.5)\n    return 2";
        let running = {
            let sandbox = sandbox.clone();
            tokio::spawn(async move { sandbox.judge(&program(slow), &asserts(&[TEST, TEST])).await })
        };
        tokio::time::sleep(Duration::from_millis(200)).await;
        let [pid] = warm_interpreters()[..] else { panic!("one warm interpreter") };
        signal(pid, name);
        if name == "-STOP" {
            tokio::time::sleep(Duration::from_secs(2)).await;
            signal(pid, "-CONT");
        }
        let results = running.await.unwrap();
        assert!(!failed(&results, &Verdict::Passed) || name == "-KILL", "{results:?}");
        passes(&sandbox).await;
    }
    // Stopped for good: it is replaced.
    let [pid] = warm_interpreters()[..] else { panic!("one warm interpreter") };
    signal(pid, "-STOP");
    uses_up(&sandbox).await;
    passes(&sandbox).await;
    assert!(!warm_interpreters().contains(&pid), "a stopped one is of no use");
}

#[test]
fn a_warm_interpreter_that_is_stopped_or_killed_is_no_verdict() {
    run("interpreter");
}

async fn many() {
    let limits = Limits { wall: Duration::from_secs(60), idle: Duration::from_secs(60), ..Limits::default() };
    setrlimit(Resource::Nofile, Rlimit { current: Some(1024), ..getrlimit(Resource::Nofile) }).unwrap();
    let sandbox = start(200, limits).await;
    // All 200 are there at once: none ends before the last has begun.
    let source = "import time\ndef f(x):\n    time.sleep(2)\n    return x";
    let started = Instant::now();
    let runs: Vec<_> = (0..200)
        .map(|number| {
            let sandbox = sandbox.clone();
            let test =
                asserts(&[&format!("assert f({number}) == {}", if number % 2 == 0 { number } else { -1 })]);
            tokio::spawn(async move { sandbox.judge(&program(source), &test).await })
        })
        .collect();
    for (number, run) in runs.into_iter().enumerate() {
        let right = if number % 2 == 0 { Verdict::Passed } else { Verdict::WrongAnswer };
        let judged = run.await.unwrap();
        assert!(!failed(&judged, &right), "{number}: {judged:?}");
    }
    note(&format!("200 programs at once took {:.1} s", started.elapsed().as_secs_f64()));
    passes(&sandbox).await;
}

#[test]
fn two_hundred_programs_run_at_once() {
    run("many");
}

async fn clock() {
    let sandbox = start(1, Limits { wall: Duration::from_secs(5), ..Limits::default() }).await;
    passes(&sandbox).await;
    let file = std::env::var("FAKETIME_TIMESTAMP_FILE").unwrap();
    let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let slow = "import time\ndef f(x):\n    time.sleep(0.6)\n    return 2";
    for (step, seconds) in [("+30d", 2_592_000_i64), ("-30d", -2_592_000), ("+0", 0)] {
        let running = {
            let sandbox = sandbox.clone();
            tokio::spawn(async move { sandbox.judge(&program(slow), &asserts(&[TEST])).await })
        };
        tokio::time::sleep(Duration::from_millis(200)).await;
        let before = now();
        std::fs::write(&file, step).unwrap();
        let moved = now().cast_signed() - before.cast_signed();
        assert!(seconds == 0 || (moved - seconds).abs() < 3_000_000, "the clock was not set: {moved}");
        assert!(moved.abs() > 1_000_000, "the clock was not set: {moved}");
        let results = running.await.unwrap();
        assert!(!failed(&results, &Verdict::Passed), "{results:?}");
        passes(&sandbox).await;
        // Another start meanwhile does not take the living one's directories for dead.
        let other = start(1, Limits::default()).await;
        passes(&other).await;
        passes(&sandbox).await;
    }
}

/// The real clock belongs to everybody; a library that shifts what one process sees of it does as well.
#[test]
fn a_clock_that_is_set_is_no_time_limit() {
    let library = ["x86_64", "aarch64"]
        .map(|machine| format!("/usr/lib/{machine}-linux-gnu/faketime/libfaketime.so.1"))
        .into_iter()
        .find(|path| Path::new(path).exists());
    let Some(library) = library else {
        note("skipped: libfaketime is not installed (Debian: faketime)");
        return;
    };
    let temporary = tempfile::tempdir().unwrap();
    let file = temporary.path().join("now");
    std::fs::write(&file, "+0").unwrap();
    let mut command = case("clock", temporary.path(), &[]);
    command.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", &file).env("FAKETIME_NO_CACHE", "1");
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    finish(command.spawn().unwrap(), 120);
}
