//! Observing: the verdict and the trace of the tested invocation in one run.

mod common;

use std::time::Duration;

use common::{asserts, judge, program, sandbox, sandbox_on, stdio};
use egcfg_sandbox::{Limits, TraceOptions};
use egcfg_task::{Cut, Event, Outcome, Test, Trace, Verdict, compact};

const EVEN: &str = "def f(nums):\n    total = 0\n    for n in nums:\n        if n % 2 == 0:\n            total += n\n    return total\n";

fn returned(trace: &Trace) -> Option<&str> {
    match &trace.steps.last()?.outcome {
        Some(Outcome::Returned(value)) => Some(value),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trace_shows_the_tested_invocation_on_every_interpreter() {
    for python in common::interpreters() {
        let sandbox = sandbox_on(Some(python)).await;
        let tests = asserts(&["assert f([1, 2, 4]) == 6", "assert f([1]) == 1", "assert f(None) == 0"]);
        let observed = sandbox.observe(&program(EVEN), &tests, &TraceOptions::default()).await.unwrap();
        let version = &sandbox.interpreter().version;
        let verdicts: Vec<_> = observed.iter().map(|one| one.result.verdict.clone()).collect();
        assert_eq!(
            verdicts,
            [Verdict::Passed, Verdict::WrongAnswer, common::exception("TypeError")],
            "{version}"
        );
        let traces: Vec<_> = observed.iter().map(|one| one.trace.as_ref().expect("a trace")).collect();
        assert_eq!(traces[0].invocation, "f([1, 2, 4])");
        assert_eq!(&traces[0].python, version);
        assert_eq!((traces[0].cut, returned(traces[0])), (None, Some("6")));
        assert_eq!(compact(traces[0], 20), "total=6 n=4");
        assert_eq!((traces[1].invocation.as_str(), returned(traces[1])), ("f([1])", Some("0")));
        assert!(traces[2].steps.iter().any(|step| step.event == Event::Exception), "{:?}", traces[2]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_ended_leaves_what_was_traced() {
    // A tenth of it, which is what an observation gets.
    let second = Duration::from_secs(10);
    let sandbox = common::sandbox_with(None, Limits { cpu: second, idle: second, ..common::limits() }).await;
    let cases = [
        ("import time\ndef f(x):\n    y = x + 1\n    time.sleep(60)", Verdict::Unfinished, Cut::Time),
        ("def f(x):\n    y = x + 1\n    return sum(range(10**12))", Verdict::Unfinished, Cut::Time),
        ("import os\ndef f(x):\n    y = x + 1\n    os._exit(0)", Verdict::ExitedEarly { code: 0 }, Cut::Died),
        (
            "def f(x):\n    y = x + 1\n    while True:\n        y += 1\n        x = y",
            Verdict::Unfinished,
            Cut::Steps,
        ),
    ];
    for (source, verdict, cut) in cases {
        let observed = sandbox
            .observe(&program(source), &asserts(&["assert f(1) == 2"]), &TraceOptions::default())
            .await
            .unwrap();
        assert_eq!(observed[0].result.verdict, verdict, "{source}");
        let trace = observed[0].trace.as_ref().expect("what was traced before the end");
        assert_eq!(trace.cut, Some(cut), "{source}");
        let seen = trace
            .steps
            .iter()
            .any(|step| step.locals.iter().any(|local| local.name == "y" && local.value == "2"));
        assert!(seen, "{source}: {trace:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tracing_changes_no_verdict() {
    let sandbox = sandbox().await;
    let cases = [
        ("import sys\ndef f(x):\n    sys.settrace(None)\n    return 2", "assert f(1) == 2"),
        (
            "import sys\ndef f(x):\n    while True:\n        try:\n            sys.exit(0)\n        finally:\n            break\n    return 2",
            "assert f(1) == 2",
        ),
        (
            "class R:\n    def __repr__(self): raise SystemExit(0)\ndef f(x):\n    r = [R()]\n    return 2",
            "assert f(1) == 2",
        ),
        (
            "def f(x):\n    total = 0\n    for i in range(100000): total += 1\n    return total",
            "assert f(1) == 100000",
        ),
        ("def f(x):\n    return f(x - 1) + 1 if x else 0", "assert f(300) == 300"),
        ("def f(x):\n    yield from [1, 2]", "assert list(f(1)) == [1, 2]"),
        ("def f(x):\n    x.sort()\n    return x", "a = [2, 1]\nassert f(a) is a and a == [1, 2]"),
        (
            "class Node:\n    def __init__(self, v): self.v = v\ndef f(n):\n    return n.v",
            "assert f(Node(3)) == 3",
        ),
    ];
    for (source, test) in cases {
        let plain = judge(&sandbox, source, test).await;
        assert_eq!(plain.verdict, Verdict::Passed, "{source}: {plain:?}");
        let observed =
            sandbox.observe(&program(source), &asserts(&[test]), &TraceOptions::default()).await.unwrap();
        assert_eq!(observed[0].result.verdict, plain.verdict, "{source}: {:?}", observed[0].result);
        assert_eq!(observed[0].result.unproven, plain.unproven);
        assert!(observed[0].trace.as_ref().is_some_and(|trace| !trace.steps.is_empty()), "{source}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_run_has_no_trace() {
    let sandbox = sandbox().await;
    let observed =
        sandbox.observe(&program("def f(:"), &asserts(&["f(1)", "f(2)"]), &TraceOptions::default()).await;
    for one in observed.unwrap() {
        assert_eq!((one.result.verdict, one.trace), (Verdict::SyntaxError, None));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_with_several_calls_shows_the_one_that_failed() {
    let sandbox = sandbox().await;
    let test = "def check(candidate):\n    assert candidate([2]) == 2\n    assert candidate([1]) == 5\n    assert candidate([4]) == 4\ncheck(f)";
    let observed =
        sandbox.observe(&program(EVEN), &asserts(&[test]), &TraceOptions::default()).await.unwrap();
    assert_eq!(observed[0].result.verdict, Verdict::WrongAnswer);
    assert_eq!(observed[0].trace.as_ref().unwrap().invocation, "f([1])");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_traced_without_a_test() {
    let sandbox = sandbox().await;
    let trace = sandbox.trace(&program(EVEN), "f([2, 3])", &TraceOptions::default()).await.unwrap().trace;
    assert_eq!((trace.invocation.as_str(), returned(&trace)), ("f([2, 3])", Some("2")));
    let short = TraceOptions { steps: 5, ..TraceOptions::default() };
    let trace = sandbox.trace(&program(EVEN), "f([2, 3])", &short).await.unwrap().trace;
    assert_eq!((trace.cut, trace.steps.len()), (Some(Cut::Steps), 5));
    let quick = TraceOptions { wall: Duration::from_millis(50), steps: 1_000_000, ..TraceOptions::default() };
    let trace = sandbox.trace(&program("def f():\n    while True: pass"), "f()", &quick).await.unwrap().trace;
    assert!(matches!(trace.cut, Some(Cut::Time | Cut::Size)), "{:?}", trace.cut);
    let traced = sandbox.trace(&program("def f(:"), "f()", &TraceOptions::default()).await.unwrap();
    assert!(traced.unloaded.is_some_and(|reason| reason.starts_with("line 1: ")));
    let trace = traced.trace;
    assert_eq!((trace.steps.len(), trace.cut), (0, Some(Cut::Died)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stdin_programs_are_traced_too() {
    let sandbox = sandbox().await;
    let test = Test::stdio("3\n", "6");
    for source in ["def solve():\n    n = int(input())\n    print(2 * n)", "n = int(input())\nprint(2 * n)"] {
        let observed = sandbox
            .observe(&stdio(source), std::slice::from_ref(&test), &TraceOptions::default())
            .await
            .unwrap();
        assert_eq!(observed[0].result.verdict, Verdict::Passed, "{:?}", observed[0].result);
        let trace = observed[0].trace.as_ref().unwrap();
        let seen = trace
            .steps
            .iter()
            .any(|step| step.locals.iter().any(|local| local.name == "n" && local.value == "3"));
        assert!(seen, "{trace:?}");
    }
}

/// A candidate that is slow in one test and passes the others may be right: that one is judged with its whole limit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_did_not_end_is_judged_again_where_all_else_passes() {
    let sandbox =
        common::sandbox_with(None, Limits { cpu: Duration::from_secs(10), ..common::limits() }).await;
    let source = "import time\ndef f(x):\n    while time.process_time() < x: pass\n    return 2";
    let observe = async |tests: &[&str]| {
        let seen =
            sandbox.observe(&program(source), &asserts(tests), &TraceOptions::default()).await.unwrap();
        assert!(seen.iter().all(|seen| seen.trace.is_some()), "{seen:?}");
        seen.into_iter().map(|seen| seen.result.verdict).collect::<Vec<_>>()
    };
    let (passed, unfinished) = (Verdict::Passed, Verdict::Unfinished);
    let (quick, slow, wrong) = ("assert f(0) == 2", "assert f(3) == 2", "assert f(0) == 3");
    assert_eq!(observe(&[slow, quick]).await, [passed.clone(), passed]);
    assert_eq!(observe(&[slow, wrong]).await, [unfinished.clone(), Verdict::WrongAnswer]);
    // Nothing else says that it may be right.
    assert_eq!(observe(&[slow, slow]).await, [unfinished.clone(), unfinished]);
}
