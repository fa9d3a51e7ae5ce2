//! What is used more than once: a comparer serves program after program as long as its tests leave nothing behind, work
//! directories are used again, and nothing piles up however often and concurrently the same program is judged.
#![allow(clippy::unwrap_used, reason = "what a helper cannot have fails the test")]

mod common;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use common::{asserts, children, descendants, judge, program, sandbox};
use egcfg_sandbox::{Level, Sandbox, SandboxOptions};
use egcfg_task::Verdict;

/// One sandbox at a time: what is counted belongs to the whole process.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

const DOUBLE: &str = "def f(n):\n    return 2 * n\n";

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Children of the warm interpreters.
fn waiting() -> BTreeSet<u32> {
    children(std::process::id()).into_iter().flat_map(children).collect()
}

/// Waits until no child is being made or ended any more.
async fn settle() {
    let (mut before, mut same) = (waiting(), 0);
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(60)).await;
        let now = waiting();
        same = if now == before { same + 1 } else { 0 };
        if same == 4 && !now.is_empty() {
            return;
        }
        before = now;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn judging_often_and_at_once_leaves_nothing() {
    let _alone = ALONE.lock().await;
    let sandbox = sandbox().await;
    // Writes a file each time, so that directories are removed as well as used again; and one that dies.
    let sources = [
        DOUBLE,
        "def f(n):\n    open('left', 'w').write('x')\n    return 2 * n\n",
        "import os\nos._exit(0)\n",
    ];
    let round = async || {
        let mut running = tokio::task::JoinSet::new();
        for index in 0..60 {
            let (sandbox, source) = (sandbox.clone(), sources[index % sources.len()]);
            running.spawn(async move {
                let results = sandbox.judge(&program(source), &asserts(&["assert f(2) == 4"])).await.unwrap();
                assert_eq!(results[0].verdict.passed(), index % sources.len() < 2, "{results:?}");
            });
        }
        while let Some(done) = running.join_next().await {
            done.unwrap();
        }
        settle().await;
        (descriptors(), descendants(std::process::id()).len())
    };
    let first = round().await;
    let mut last = first;
    for _ in 0..3 {
        last = round().await;
    }
    // As many children wait after the first round as after the last, each with its descriptors; a comparer more or less
    // may have come back in time.
    assert!(last.1 <= first.1 + 1, "processes: {first:?} at first, {last:?} after 180 programs more");
    assert!(last.0 <= first.0 + 8, "descriptors: {first:?} at first, {last:?} after 180 programs more");
    let base = std::env::temp_dir().join(format!("egcfg-sandbox-{}", rustix::process::geteuid().as_raw()));
    let own = |path: &std::path::Path| {
        // The lock of this process's run directory is the one that it holds open.
        let held = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        held.filter_map(|fd| std::fs::read_link(fd.path()).ok()).any(|target| target == path.join("lock"))
    };
    let mut directories = 0;
    for run in std::fs::read_dir(base).unwrap().flatten().filter(|run| own(&run.path())) {
        for work in
            std::fs::read_dir(run.path()).unwrap().flatten().filter(|entry| entry.file_name() != "lock")
        {
            directories += 1;
            assert!(
                std::fs::read_dir(work.path()).is_ok_and(|mut left| left.next().is_none()),
                "{work:?} is not empty"
            );
        }
    }
    assert!((1..=70).contains(&directories), "{directories} work directories");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_comparer_comes_back_after_a_test_that_leaves_nothing_and_only_then() {
    let _alone = ALONE.lock().await;
    // Where each run has namespaces of its own it has a second process, too; here processes are counted.
    let options =
        SandboxOptions { workers: 2, limits: common::limits(), calibrate: false, ..common::at(Level::L0) };
    let sandbox = Sandbox::start(options).await.unwrap();
    settle().await;
    let survivors = async |test: &str| {
        let mut survived = 0;
        for _ in 0..4 {
            let before = waiting();
            let result = judge(&sandbox, DOUBLE, test).await;
            assert_eq!(result.verdict, Verdict::Passed, "{test}: {result:?}");
            settle().await;
            // A candidate ends in any case; a comparer does unless it comes back.
            survived += usize::from(before.difference(&waiting()).count() == 1);
        }
        survived
    };
    assert_eq!(survivors("assert f(2) == 4").await, 4);
    assert_eq!(survivors("assert sorted([f(1), f(0)]) == [0, 2]").await, 4);
    for test in [
        "import math\nassert f(2) == 4",
        "x = f(2)\nassert x == 4",
        "assert [f(n) for n in (1, 2)] == [2, 4]",
        "assert (lambda: f(2))() == 4",
        "assert f(2).__class__ is int",
        "assert print(f(2)) is None",
    ] {
        assert_eq!(survivors(test).await, 0, "{test}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_test_does_to_its_interpreter_is_not_seen_by_the_next() {
    let _alone = ALONE.lock().await;
    let sandbox = sandbox().await;
    let wrong = "def f(n):\n    return 2 * n + 1\n";
    for test in [
        "import builtins\nbuiltins.sorted = lambda values: [0]\nassert f(2) == 4",
        "import decimal\ndecimal.getcontext().prec = 1\nassert f(2) == 4",
        "import math\nmath.isclose = lambda a, b: True\nassert f(2) == 4",
    ] {
        assert_eq!(judge(&sandbox, DOUBLE, test).await.verdict, Verdict::Passed);
        for check in [
            "assert sorted([f(2)]) == [0]",
            "import decimal\nassert decimal.Decimal(f(22)) / 3 == 20",
            "import math\nassert math.isclose(f(2), 4)",
        ] {
            let started = Instant::now();
            let result = judge(&sandbox, wrong, check).await;
            assert_eq!(
                result.verdict,
                Verdict::WrongAnswer,
                "{test}, then {check}: {result:?} in {:?}",
                started.elapsed()
            );
        }
    }
    // A value of one program's does not come back with the next one's either.
    let echo = "def f(n):\n    raise ValueError('of the first')\n";
    assert_eq!(judge(&sandbox, echo, "assert f(2) == 4").await.verdict, common::exception("ValueError"));
    assert_eq!(judge(&sandbox, DOUBLE, "assert f(2) == 4").await.verdict, Verdict::Passed);
}

/// A comparer keeps what it took a statement apart into; what came of it with one program says nothing about the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_tests_judge_each_program_by_itself() {
    let _alone = ALONE.lock().await;
    // One at a time, so that all of them meet the same comparer.
    let options =
        SandboxOptions { workers: 1, limits: common::limits(), calibrate: false, ..Default::default() };
    let sandbox = Sandbox::start(options).await.unwrap();
    let tests = asserts(&["assert f(2) == 4", "assert candidate(3) == 6", "assert f(2) == 4"]);
    let wrong = Verdict::WrongAnswer;
    let foreign = || Verdict::InvalidTest {
        message: "it names f, which neither the program nor its setup defines".to_owned(),
    };
    for _ in 0..3 {
        for (source, entry, expected) in [
            (DOUBLE, "f", [Verdict::Passed, Verdict::Passed, Verdict::Passed]),
            ("def f(n):\n    return n + 2\n", "f", [Verdict::Passed, wrong.clone(), Verdict::Passed]),
            (
                "seen = []\ndef f(n):\n    seen.append(n)\n    return 2 * n if len(seen) < 3 else 5\n",
                "f",
                [Verdict::Passed, Verdict::Passed, wrong.clone()],
            ),
            (
                "def f(n):\n    raise KeyError(n)\n",
                "f",
                [common::exception("KeyError"), common::exception("KeyError"), common::exception("KeyError")],
            ),
            // The statement's `f` is not what this program is called by.
            ("def g(n):\n    return 2 * n\n", "g", [foreign(), Verdict::Passed, foreign()]),
        ] {
            let program = egcfg_sandbox::Program { entry_point: entry.to_owned(), ..program(source) };
            let results = sandbox.judge(&program, &tests).await.unwrap();
            let verdicts: Vec<_> = results.iter().map(|result| result.verdict.clone()).collect();
            assert_eq!(verdicts, expected, "{source}: {results:?}");
        }
    }
}
