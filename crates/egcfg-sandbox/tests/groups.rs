//! Layer L2, where it is in force: each limit of a control group stops what nothing else stops once the other limits are left
//! out, the verdicts say so, and nothing is left of the groups, whoever dies.
#![allow(clippy::unwrap_used, reason = "what a helper cannot have fails the test")]

mod common;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{asserts, at, descendants, judge, program};
use egcfg_sandbox::{Level, LevelChoice, Limits, Profile, Sandbox, SandboxError, SandboxOptions};
use egcfg_task::{TestResult, Verdict};

/// Some of these tests look at all processes and groups of this one: one at a time.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

const MEMORY: u64 = 96 << 20;

fn limits() -> Limits {
    let second = Duration::from_secs(1);
    Limits { wall: 30 * second, cpu: 10 * second, idle: 10 * second, memory: MEMORY, ..Limits::default() }
}

/// Whether the layer can be had; says so where not.
async fn offered() -> bool {
    match Sandbox::start(SandboxOptions { workers: 1, ..at(Level::L2) }).await {
        Ok(_) => true,
        Err(error) => {
            common::note(&format!("skipped: {error}"));
            false
        }
    }
}

/// What becomes of a program at this layer when some protections are left out.
async fn without(names: &[&str], source: &str) -> TestResult {
    let without = names.iter().map(|&name| name.to_owned()).collect();
    let options = SandboxOptions { workers: 1, limits: limits(), without, calibrate: false, ..at(Level::L2) };
    let sandbox = Sandbox::start(options).await.unwrap();
    judge(&sandbox, source, "assert f(1) == 'done'").await
}

const ONE: &str = "\
def f(x):
    kept = [b'x' * (1 << 20) + bytes([step]) for step in range(250)]
    return 'done'
";

/// Each takes less than the limit of address space; together they take three times as much as the tree may have.
const TREE: &str = "\
import os, time
def f(x):
    readers = []
    for _ in range(6):
        reader, writer = os.pipe()
        if os.fork() == 0:
            kept = b'x' * (48 << 20)
            os.write(writer, b'y')
            time.sleep(5)
            os._exit(0)
        os.close(writer)
        readers.append(reader)
    said = [os.read(reader, 1) for reader in readers]
    return 'done' if said == [b'y'] * 6 else said
";

const THREADS: &str = "\
import threading
threading.stack_size(65536)
def f(x):
    stop = threading.Event()
    threads = [threading.Thread(target=stop.wait) for _ in range(100)]
    try:
        for thread in threads:
            thread.start()
    finally:
        stop.set()
    return 'done'
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_limit_stops_what_nothing_else_stops() {
    let _alone = ALONE.lock().await;
    if !offered().await {
        return;
    }
    let cases: [(&str, &[&str], &str, Verdict); 3] = [
        ("cgroup-memory", &["rlimits"], ONE, Verdict::MemoryExceeded),
        ("cgroup-memory", &["fork-denied"], TREE, Verdict::MemoryExceeded),
        ("cgroup-pids", &["rlimits"], THREADS, Verdict::ProcessLimit),
    ];
    for (protection, other, source, verdict) in cases {
        let with = without(other, source).await;
        assert_eq!(with.verdict, verdict, "{protection}: {with:?}");
        let left_out: Vec<&str> = other.iter().copied().chain([protection]).collect();
        let free = without(&left_out, source).await;
        assert_eq!(free.verdict, Verdict::Passed, "without {protection}: {free:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_of_a_refused_thread_met_the_limit() {
    let _alone = ALONE.lock().await;
    if !offered().await {
        return;
    }
    // As numeric libraries do.
    let source = format!(
        "{THREADS}\nstart = f\ndef f(x):\n    import os\n    try:\n        return start(x)\n    except RuntimeError:\n        os.abort()\n"
    );
    let result = without(&["rlimits"], &source).await;
    assert_eq!(result.verdict, Verdict::ProcessLimit, "{result:?}");
    // The same end without a refusal is what it looks like.
    let result = without(&["rlimits"], "import os\ndef f(x):\n    os.abort()\n").await;
    assert_eq!(result.verdict, Verdict::Killed { signal: 6 }, "{result:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resident_memory_is_counted_by_the_kernel() {
    let _alone = ALONE.lock().await;
    if !offered().await {
        return;
    }
    // Gone before anybody could look.
    let source = "def f(x):\n    b'x' * (150 << 20)\n    return 'done'\n";
    let limits = Limits { resident: true, ..limits() };
    let options = SandboxOptions { limits, workers: 1, ..SandboxOptions::of(Profile::DataScience) };
    let options = SandboxOptions { level: LevelChoice::Exactly(Level::L2), ..options };
    let sandbox = Sandbox::start(options).await.unwrap();
    assert!(sandbox.control_groups().is_some());
    let result = judge(&sandbox, source, "assert f(1) == 'done'").await;
    assert_eq!(result.verdict, Verdict::MemoryExceeded, "{result:?}");
    let result = judge(&sandbox, &source.replace("150", "40"), "assert f(1) == 'done'").await;
    assert_eq!(result.verdict, Verdict::Passed, "{result:?}");
}

/// The names of sandboxes' groups that processes are in.
fn groups_of(pids: &[u32]) -> BTreeSet<String> {
    let texts = pids.iter().map(|pid| std::fs::read_to_string(format!("/proc/{pid}/cgroup")));
    let texts: Vec<String> = texts.map(Result::unwrap_or_default).collect();
    let parts = texts.iter().flat_map(|text| text.lines()).flat_map(|line| line.split('/'));
    let named = |part: &&str| part.len() == 22 && part.starts_with("egcfg-");
    parts.filter(named).map(str::to_owned).collect()
}

/// Directories of these names, in any hierarchy.
fn directories(names: &BTreeSet<String>) -> Vec<PathBuf> {
    fn walk(at: &Path, names: &BTreeSet<String>, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(at).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if entry.file_name().to_str().is_some_and(|name| names.contains(name)) {
                    found.push(entry.path());
                }
                walk(&entry.path(), names, found);
            }
        }
    }
    let mut found = Vec::new();
    walk(Path::new("/sys/fs/cgroup"), names, &mut found);
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_the_groups() {
    let _alone = ALONE.lock().await;
    if !offered().await {
        return;
    }
    let sandbox = Sandbox::start(SandboxOptions { workers: 2, ..at(Level::L2) }).await.unwrap();
    let names = groups_of(&descendants(std::process::id()));
    assert_eq!(names.len(), 1, "the children that wait are in their groups: {names:?}");
    let tests = asserts(&["assert f(1) == 2", "assert f(3) == 2"]);
    for _ in 0..20 {
        let results = sandbox.judge(&program("def f(x): return x + 1"), &tests).await.unwrap();
        assert!(results[0].verdict.passed(), "{results:?}");
    }
    let found = directories(&names);
    assert!(!found.is_empty(), "the groups can be found");
    // Two candidates and two comparers wait; a few may just be ending.
    for group in found {
        let runs = std::fs::read_dir(&group).unwrap().flatten().filter(|one| one.path().is_dir()).count();
        assert!(runs <= 12, "{runs} groups in {}", group.display());
    }
    drop(sandbox);
    let started = Instant::now();
    while !directories(&names).is_empty() && started.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(directories(&names), Vec::<PathBuf>::new());
}

const HELPER: &str = "EGCFG_TEST_HELPER";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by other tests: a process for another test to kill"]
async fn helper_that_is_killed() {
    if std::env::var_os(HELPER).is_none() {
        return;
    }
    let _sandbox = Sandbox::start(SandboxOptions { workers: 2, ..at(Level::L2) }).await.unwrap();
    common::note("it waits");
    tokio::time::sleep(Duration::from_secs(3600)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_start_removes_what_a_killed_one_left() {
    let _alone = ALONE.lock().await;
    if !offered().await {
        return;
    }
    let mut helper = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "helper_that_is_killed", "--ignored", "--nocapture"])
        .env(HELPER, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(helper.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.ends_with("it waits")), "it ended before it began");
    let family = descendants(helper.id());
    let names = groups_of(&family);
    assert_eq!(names.len(), 1, "{names:?}");
    // Whoever is in use is left alone.
    drop(Sandbox::start(SandboxOptions { workers: 1, ..at(Level::L2) }).await.unwrap());
    assert!(!directories(&names).is_empty());
    helper.kill().unwrap();
    helper.wait().unwrap();
    let started = Instant::now();
    while !groups_of(&family).is_empty() && started.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(!directories(&names).is_empty(), "a killed process cannot tidy up");
    drop(Sandbox::start(SandboxOptions { workers: 1, ..at(Level::L2) }).await.unwrap());
    assert_eq!(directories(&names), Vec::<PathBuf>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by other tests: needs an environment of its own, which another test gives it"]
async fn helper_with_a_folder_that_is_no_group() {
    if std::env::var_os(HELPER).is_none() {
        return;
    }
    let options = SandboxOptions { workers: 1, ..at(Level::L2) };
    let error = Sandbox::start(options.clone()).await.expect_err("a folder is no group");
    assert!(matches!(error, SandboxError::Level { wanted: "L2", name: "cgroup-memory", .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("EGCFG_CGROUP: ") && text.contains("no control group"), "{text}");
    assert!(text.contains("(hint: "), "{text}");
    let options = SandboxOptions { level: LevelChoice::Auto, ..options };
    let sandbox = Sandbox::start(options).await.unwrap();
    assert!(sandbox.level() < Level::L2);
    assert_eq!(sandbox.control_groups(), None);
    assert!(judge(&sandbox, "def f(x): return 2", "assert f(1) == 2").await.verdict.passed());
}

#[test]
fn a_folder_that_is_no_group_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "helper_with_a_folder_that_is_no_group", "--ignored", "--nocapture"])
        .env(HELPER, "1")
        .env("EGCFG_CGROUP", folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
