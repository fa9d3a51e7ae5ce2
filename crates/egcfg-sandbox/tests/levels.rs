//! The layers as a whole: what is chosen is in force, seen from inside a run and from the host; what cannot be had is an
//! error; no layer changes a verdict.
#![allow(clippy::unwrap_used, reason = "what a helper cannot have fails the test")]

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::{asserts, descendants, judge, program};
use egcfg_sandbox::{Level, LevelChoice, Sandbox, SandboxError, SandboxOptions, available_levels};
use egcfg_task::Verdict;

/// Some of these tests look at all processes below this one: one at a time.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

async fn at(level: Level) -> Option<Sandbox> {
    let options =
        SandboxOptions { workers: 2, level: LevelChoice::Exactly(level), ..SandboxOptions::default() };
    match Sandbox::start(options).await {
        Ok(sandbox) => Some(sandbox),
        Err(error @ SandboxError::Level { .. }) => {
            common::note(&format!("skipped: {error}"));
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// The repr of an expression's value in a run.
async fn seen(sandbox: &Sandbox, expression: &str) -> String {
    let source = format!("import os\ndef f(x):\n    return {expression}\n");
    let result = judge(sandbox, &source, "assert f(1) == '\\0'").await;
    assert_eq!(result.verdict, Verdict::WrongAnswer, "{expression}: {result:?}");
    result.got.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_chosen_is_in_force_and_no_more() {
    let _alone = ALONE.lock().await;
    for level in available_levels(&SandboxOptions::default()).await.unwrap() {
        let sandbox = at(level).await.expect("it is said to be available");
        assert_eq!(sandbox.level(), level);
        assert_eq!(sandbox.missing().count(), 0, "{level}");
        let beyond = sandbox.protections().iter().filter(|p| p.layer > level && level > Level::None);
        for protection in beyond {
            assert_eq!(protection.missing.as_deref(), Some("not asked for"), "{}", protection.name);
        }
        let results = sandbox
            .judge(
                &program("import os\ndef f(x):\n    if x == 3: os.kill(os.getpid(), 9)\n    if x == 4: os.abort()\n    return x + 1"),
                &asserts(&["assert f(1) == 2", "assert f(2) == 2", "f(3)", "f(4)"]),
            )
            .await
            .unwrap();
        let verdicts: Vec<_> = results.into_iter().map(|result| result.verdict).collect();
        let killed = |signal| Verdict::Killed { signal };
        assert_eq!(verdicts, [Verdict::Passed, Verdict::WrongAnswer, killed(9), killed(6)], "{level}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_level_that_cannot_be_had_is_an_error_with_a_hint() {
    let _alone = ALONE.lock().await;
    let strongest = available_levels(&SandboxOptions::default()).await.unwrap().pop().unwrap();
    if strongest == Level::L2 {
        common::note("skipped: every level can be had here");
        return;
    }
    let options = SandboxOptions { level: LevelChoice::Exactly(Level::L2), ..SandboxOptions::default() };
    let error = Sandbox::start(options).await.expect_err("L2 cannot be had");
    assert!(matches!(error, SandboxError::Level { wanted: "L2", .. }), "{error}");
    assert!(error.to_string().contains("(hint: "), "{error}");
    // Whoever leaves the choice to the machine is told what is missing.
    let sandbox = Sandbox::start(SandboxOptions { workers: 1, ..SandboxOptions::default() }).await.unwrap();
    assert!(sandbox.missing().count() > 0 && sandbox.missing().all(|p| p.layer > strongest));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_hosts_files_and_processes_do_not_exist_at_l1_and_do_below() {
    let _alone = ALONE.lock().await;
    let names = "[n for n in ('/etc/passwd', '/etc', '/home', '/root', '/var', '/sys', '/run', '/usr/bin') if os.path.lexists(n)]";
    let l0 = at(Level::L0).await.expect("L0");
    assert!(seen(&l0, names).await.contains("/etc/passwd"), "there is something to hide");
    assert_ne!(seen(&l0, "os.getpid()").await, "2");
    drop(l0);
    let Some(l1) = at(Level::L1).await else { return };
    let found = seen(&l1, names).await;
    // The interpreter's own library may lie below one of these, and the time zone and the linker's cache in /etc.
    assert!(!found.contains("passwd") && !found.contains("home") && !found.contains("var"), "{found}");
    assert_eq!(seen(&l1, "(os.getpid(), os.getppid(), os.uname().nodename)").await, "(2, 0, 'sandbox')");
    let own = "(os.path.basename(os.getcwd()), os.listdir('.'), os.environ['HOME'] == os.getcwd())";
    assert_eq!(seen(&l1, own).await, "('work', [], True)");
    for missing in ["/tmp", "/dev/shm"] {
        let attempt = format!("open('{missing}/x', 'w')");
        let result = judge(&l1, &format!("def f(x): return {attempt}"), "f(1)").await;
        assert!(matches!(result.verdict, Verdict::Exception { .. }), "{attempt}: {result:?}");
    }
}

/// The processes that run the program below now, by the file that it has written.
fn candidates() -> Vec<u32> {
    let mut found = descendants(std::process::id());
    found.retain(|pid| Path::new(&format!("/proc/{pid}/cwd/sentinel")).exists());
    found
}

fn namespace(pid: &str, kind: &str) -> PathBuf {
    std::fs::read_link(format!("/proc/{pid}/ns/{kind}")).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_runs_share_no_namespace_and_neither_has_the_hosts() {
    let _alone = ALONE.lock().await;
    let Some(sandbox) = at(Level::L1).await else { return };
    let waiting = program(
        "import time\ndef f(x):\n    open('sentinel', 'w').write('x')\n    time.sleep(4)\n    return sorted(__import__('os').listdir('.'))",
    );
    let tests = asserts(&["assert f(1) == ['sentinel']"]);
    let runs: Vec<_> = (0..2)
        .map(|_| {
            let (sandbox, waiting, tests) = (sandbox.clone(), waiting.clone(), tests.clone());
            tokio::spawn(async move { sandbox.judge(&waiting, &tests).await.unwrap().remove(0) })
        })
        .collect();
    let started = Instant::now();
    let pids = loop {
        let pids = candidates();
        if pids.len() == 2 {
            break pids;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "two programs run: {pids:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let [first, second] = [pids[0].to_string(), pids[1].to_string()];
    for kind in ["mnt", "pid", "net", "ipc", "uts"] {
        let all = ["self", &first, &second].map(|pid| namespace(pid, kind));
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 3, "{kind}: {all:?}");
    }
    assert_ne!(namespace("self", "user"), namespace(&first, "user"));
    // The kernel's own account of the network: one device, with no address and no route.
    let read = |name: &str| std::fs::read_to_string(format!("/proc/{first}/net/{name}")).unwrap();
    let devices: Vec<_> = read("dev").lines().skip(2).map(|line| line.trim().to_owned()).collect();
    assert!(devices.len() == 1 && devices[0].starts_with("lo:"), "{devices:?}");
    assert_eq!(read("if_inet6"), "", "the loopback device is down");
    assert!(!read("fib_trie").contains("127.0.0.1"));
    // What there is of a root.
    let root: BTreeSet<_> = std::fs::read_dir(format!("/proc/{first}/root"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(root.contains("proc") && !root.contains("sys") && !root.contains("home"), "{root:?}");
    let held = std::fs::read_dir(format!("/proc/{first}/root/.run")).unwrap().count();
    assert_eq!(held, 0, "the directory with all runs' directories");
    let processes = std::fs::read_dir(format!("/proc/{first}/root/proc")).unwrap();
    let processes = processes.filter(|entry| {
        entry.as_ref().unwrap().file_name().to_str().unwrap().chars().all(|c| c.is_ascii_digit())
    });
    assert!(processes.count() <= 2, "itself and the idle first process");
    let mounts = std::fs::read_to_string(format!("/proc/{first}/mountinfo")).unwrap();
    for line in mounts.lines().filter(|line| !line.contains(" /proc ") && !line.contains("/work ")) {
        let place = line.split(' ').nth(4).unwrap();
        assert!(place.starts_with("/dev/") || line.split(' ').nth(5).unwrap().starts_with("ro,"), "{line}");
    }
    for run in runs {
        let result = run.await.unwrap();
        assert_eq!(result.verdict, Verdict::Passed, "{result:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_protection_a_program_can_do_what_its_user_can() {
    let _alone = ALONE.lock().await;
    let sandbox = at(Level::None).await.expect("nothing is needed for it");
    assert_eq!(sandbox.level(), Level::None);
    assert_eq!(seen(&sandbox, "open('/etc/passwd').read(1) != ''").await, "True");
    let filter = sandbox.protections().iter().find(|p| p.name == "seccomp").unwrap();
    assert!(!filter.in_force());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_process_of_a_run_dies_with_it() {
    let _alone = ALONE.lock().await;
    let Some(sandbox) = at(Level::L1).await else { return };
    for number in 0..20 {
        let result =
            judge(&sandbox, &format!("def f(x): return {number}"), &format!("assert f(1) == {number}")).await;
        assert_eq!(result.verdict, Verdict::Passed);
    }
    let started = Instant::now();
    // A waiter, a warm interpreter, and per child that waits for work itself and its idle first process.
    while descendants(std::process::id()).len() > 2 + 2 * 4 && started.elapsed() < Duration::from_secs(20) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let left = descendants(std::process::id()).len();
    assert!(left <= 2 + 2 * 4, "{left} processes");
    drop(sandbox);
    while !descendants(std::process::id()).is_empty() && started.elapsed() < Duration::from_secs(40) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(descendants(std::process::id()), Vec::<u32>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calibration_gives_time_and_never_takes_any() {
    let _alone = ALONE.lock().await;
    let options = SandboxOptions { workers: 1, ..SandboxOptions::default() };
    let fixed = Sandbox::start(SandboxOptions { calibrate: false, ..options.clone() }).await.unwrap();
    assert!((fixed.calibration() - 1.0).abs() < f64::EPSILON);
    drop(fixed);
    let first = Sandbox::start(options.clone()).await.unwrap();
    let second = Sandbox::start(options).await.unwrap();
    assert!(first.calibration() >= 1.0);
    assert!(
        (first.calibration() - second.calibration()).abs() < f64::EPSILON,
        "one reference run per process"
    );
}
