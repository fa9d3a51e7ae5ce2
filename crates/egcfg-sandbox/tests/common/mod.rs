//! What the tests share: a sandbox with short limits, and the interpreters of this machine.
#![allow(dead_code, clippy::print_stdout, reason = "each test binary uses its part, and says what it skips")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use egcfg_sandbox::{Level, LevelChoice, Limits, Program, Sandbox, SandboxOptions};
use egcfg_task::{Clock, Form, Test, TestResult, Verdict};

/// Limits of which a program meets that of memory or output long before one of time, however busy the machine is: processor
/// time is no constant either, where cores are shared. A test of a clock shortens that one, see [`short`].
pub(crate) fn limits() -> Limits {
    Limits {
        wall: Duration::from_secs(300),
        cpu: Duration::from_secs(60),
        idle: Duration::from_secs(60),
        memory: 512 << 20,
        output: 64 << 10,
        ..Limits::default()
    }
}

pub(crate) async fn sandbox() -> Sandbox {
    sandbox_on(None).await
}

/// The same with one second on this clock.
pub(crate) fn short(clock: Clock) -> Limits {
    let second = Duration::from_secs(1);
    match clock {
        Clock::Wall => Limits { wall: second, ..limits() },
        Clock::Cpu => Limits { cpu: second, ..limits() },
        Clock::Idle => Limits { idle: second, ..limits() },
    }
}

/// A sandbox whose programs have one second on this clock.
pub(crate) async fn sandbox_short(clock: Clock) -> Sandbox {
    sandbox_with(None, short(clock)).await
}

pub(crate) async fn sandbox_on(python: Option<PathBuf>) -> Sandbox {
    sandbox_with(python, limits()).await
}

pub(crate) async fn sandbox_with(python: Option<PathBuf>, limits: Limits) -> Sandbox {
    // All tests, at a level of one's choice.
    let level =
        std::env::var("EGCFG_TEST_LEVEL").map_or(LevelChoice::Auto, |name| name.parse().expect("a level"));
    let options =
        SandboxOptions { python, level, workers: 2, limits, calibrate: false, ..SandboxOptions::default() };
    Sandbox::start(options).await.expect("a sandbox starts")
}

/// Options of a sandbox at exactly this layer.
pub(crate) fn at(level: Level) -> SandboxOptions {
    SandboxOptions { level: LevelChoice::Exactly(level), ..SandboxOptions::default() }
}

/// A program whose entry point is `f`.
pub(crate) fn program(source: &str) -> Program {
    Program { source: source.to_owned(), entry_point: "f".to_owned(), ..Program::default() }
}

pub(crate) fn stdio(source: &str) -> Program {
    Program {
        source: source.to_owned(),
        entry_point: "solve".to_owned(),
        form: Form::Stdio,
        ..Program::default()
    }
}

pub(crate) fn asserts(tests: &[&str]) -> Vec<Test> {
    tests.iter().map(|test| Test::Assert((*test).to_owned())).collect()
}

/// One test of one program.
pub(crate) async fn judge(sandbox: &Sandbox, source: &str, test: &str) -> TestResult {
    let mut results = sandbox.judge(&program(source), &asserts(&[test])).await.expect("a result");
    assert_eq!(results.len(), 1);
    results.remove(0)
}

pub(crate) fn exception(name: &str) -> Verdict {
    Verdict::Exception { exception: name.to_owned() }
}

/// Every CPython 3.9 or later that can be found, one per minor version.
pub(crate) fn interpreters() -> Vec<PathBuf> {
    let mut candidates: Vec<PathBuf> = Vec::new();
    for directory in std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()) {
        for minor in 9..20 {
            candidates.push(directory.join(format!("python3.{minor}")));
        }
        candidates.push(directory.join("python3"));
    }
    let pyenv = std::env::var_os("PYENV_ROOT")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv")));
    for entry in
        pyenv.and_then(|root| std::fs::read_dir(root.join("versions")).ok()).into_iter().flatten().flatten()
    {
        candidates.push(entry.path().join("bin/python3"));
    }
    let mut found = BTreeMap::new();
    for path in candidates.into_iter().filter(|path| path.is_file()) {
        let question = "import sys; print('%d.%02d' % sys.version_info[:2])";
        let Ok(output) = Command::new(&path).args(["-S", "-c", question]).output() else { continue };
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if output.status.success() && version.as_str() >= "3.09" && version.len() == 4 {
            found.entry(version).or_insert(path);
        }
    }
    assert!(!found.is_empty(), "the tests need a CPython 3.9 or later");
    found.into_values().collect()
}

/// A folder of data that is no part of the repository; tests that need it say so when they skip.
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is not there", path.display());
    None
}

/// Process ids whose parent is `parent`.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("/proc").flatten() {
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let Some((head, tail)) = stat.rsplit_once(')') else { continue };
        if tail.split_whitespace().nth(1) == Some(&parent.to_string()) {
            found.extend(head.split(' ').next().and_then(|pid| pid.parse::<u32>().ok()));
        }
    }
    found
}

pub(crate) fn descendants(of: u32) -> Vec<u32> {
    let mut all = children(of);
    let mut at = 0;
    while at < all.len() {
        let next = children(all[at]);
        all.extend(next);
        at += 1;
    }
    all
}

/// Says something that does not fail a test, such as that it was skipped.
pub(crate) fn note(text: &str) {
    println!("{text}");
}
