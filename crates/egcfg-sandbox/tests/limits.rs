//! Every limit ends what runs into it, with the verdict that says which one it was. The numbers are those of the list
//! of hostile programs.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{asserts, exception, judge, program, sandbox, sandbox_short, stdio};
use egcfg_sandbox::Limits;
use egcfg_task::{Clock, Test, Verdict};

const TEST: &str = "assert f(1) == 2";

fn timeout(clock: Clock) -> Verdict {
    Verdict::Timeout { clock }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cases_5_and_6_busy_in_python_and_in_c() {
    let sandbox = sandbox_short(Clock::Cpu).await;
    let cases = [
        "while True: pass",
        "def f(x):\n    return sum(range(10**12))",
        "def f(x):\n    return pow(3, 10**9)",
        "import re\ndef f(x):\n    return re.match('(a+)+$', 'a' * 64 + 'b')",
        "import signal\nfor n in (signal.SIGXCPU, signal.SIGTERM, signal.SIGINT): signal.signal(n, signal.SIG_IGN)\ndef f(x):\n    while True: pass",
        "def f(x):\n    while True:\n        try:\n            while True: pass\n        except BaseException: pass",
    ];
    for source in cases {
        let result = judge(&sandbox, source, TEST).await;
        assert_eq!(result.verdict, timeout(Clock::Cpu), "{source}: {result:?}");
    }
    let threads = "import threading\ndef spin():\n    while True: pass\ndef f(x):\n    [threading.Thread(target=spin).start() for _ in range(3)]\n    threading.Event().wait()";
    assert_eq!(judge(&sandbox, threads, TEST).await.verdict, timeout(Clock::Cpu));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cases_7_and_18_asleep_blocked_or_stopped() {
    let sandbox = sandbox_short(Clock::Idle).await;
    let cases = [
        "import time\ndef f(x):\n    time.sleep(99)",
        "import os\ndef f(x):\n    r, w = os.pipe()\n    os.read(r, 1)",
        "import os, signal\ndef f(x):\n    os.kill(os.getpid(), signal.SIGSTOP)\n    return 2",
        "import signal\ndef f(x):\n    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\n    signal.pause()",
        "import threading\nthreading.Lock().acquire()\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()",
    ];
    for source in cases {
        let result = judge(&sandbox, source, TEST).await;
        assert_eq!(result.verdict, timeout(Clock::Idle), "{source}: {result:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wall_clock_ends_what_is_neither_busy_nor_idle() {
    let sandbox = sandbox_short(Clock::Wall).await;
    let source = "import time\ndef f(x):\n    while True: time.sleep(0.01)";
    assert_eq!(judge(&sandbox, source, TEST).await.verdict, timeout(Clock::Wall));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_3_memory() {
    let sandbox = sandbox().await;
    let cases = [
        "def f(x):\n    return len(bytearray(8 << 30))",
        "def f(x):\n    a = []\n    while True: a.append(bytes(1 << 20))",
        "def f(x):\n    a = [0]\n    while True: a = a + a",
        "x = 'a' * (1 << 40)",
    ];
    for source in cases {
        let result = judge(&sandbox, source, TEST).await;
        assert_eq!(result.verdict, Verdict::MemoryExceeded, "{source}: {result:?}");
    }
    let mapped = "import mmap\ndef f(x):\n    keep = []\n    while True:\n        keep.append(mmap.mmap(-1, 64 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))";
    let result = judge(&sandbox, mapped, TEST).await;
    assert!(matches!(result.verdict, Verdict::MemoryExceeded | Verdict::Exception { .. }), "{result:?}");
    assert_eq!(judge(&sandbox, "def f(x): return 2", TEST).await.verdict, Verdict::Passed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_8_deep_recursion_and_nesting() {
    let sandbox = sandbox().await;
    assert_eq!(judge(&sandbox, "def f(x): return f(x)", TEST).await.verdict, exception("RecursionError"));
    for source in [
        "import sys\nsys.setrecursionlimit(10**9)\ndef f(x): return f(x)",
        "def f(x): return eval('(' * 10000 + ')' * 10000)",
        "import ast\ndef f(x): return ast.literal_eval('[' * 100000)",
        "def f(x):\n    a = []\n    for _ in range(10**5): a = (a,)\n    return a",
    ] {
        let verdict = judge(&sandbox, source, TEST).await.verdict;
        assert!(
            matches!(
                verdict,
                Verdict::Exception { .. }
                    | Verdict::Killed { .. }
                    | Verdict::MemoryExceeded
                    | Verdict::WrongAnswer
                    | Verdict::Timeout { .. }
            ),
            "{source}: {verdict}"
        );
    }
    let nested = format!("x = {}1{}\ndef f(x): return 2", "(".repeat(100_000), ")".repeat(100_000));
    let verdict = judge(&sandbox, &nested, TEST).await.verdict;
    assert!(!verdict.passed() && verdict.is_scored(), "{verdict}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_11_floods() {
    let sandbox = sandbox().await;
    let cases = [
        "import os\ndef f(x):\n    while True: os.write(1, b'x' * 65536)",
        "import os\ndef f(x):\n    while True: os.write(2, b'\\xff\\x1b[2J' * 9999)",
        "import os, threading\ndef flood(fd):\n    while True: os.write(fd, b'y' * 4096)\ndef f(x):\n    threading.Thread(target=flood, args=(1,)).start()\n    flood(2)",
        "import sys\ndef f(x):\n    sys.stdout.write('z' * (1 << 26))",
    ];
    for source in cases {
        let result = judge(&sandbox, source, TEST).await;
        assert_eq!(result.verdict, Verdict::OutputExceeded, "{source}: {result:?}");
    }
    assert_eq!(
        judge(&sandbox, "def f(x):\n    print('some')\n    return 2", TEST).await.verdict,
        Verdict::Passed
    );
    // A value too large to be sent is no way around the limit.
    let large = judge(&sandbox, "def f(x): return 'x' * (100 << 20)", TEST).await.verdict;
    assert!(!large.passed() && large.is_scored(), "{large}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_32_standard_input_without_any() {
    let sandbox = sandbox().await;
    assert_eq!(judge(&sandbox, "def f(x): return input()", TEST).await.verdict, exception("EOFError"));
    assert_eq!(
        judge(&sandbox, "import sys\ndef f(x): return len(sys.stdin.read()) + 2", TEST).await.verdict,
        Verdict::Passed
    );
    let test = Test::stdio(String::new(), String::new());
    let results = sandbox.judge(&stdio("def solve():\n    input('name? ')"), &[test]).await.unwrap();
    assert_eq!(results[0].verdict, exception("EOFError"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_wait_for_each_other_and_all_get_their_own_answer() {
    let sandbox = sandbox().await;
    let mut running = tokio::task::JoinSet::new();
    for number in 0..40 {
        let sandbox = Arc::new(sandbox.clone());
        running.spawn(async move {
            let source = format!("def f(x): return x + {number}");
            let tests = [format!("assert f(1) == {}", number + 1), format!("assert f(2) == {}", number + 3)];
            let tests: Vec<&str> = tests.iter().map(String::as_str).collect();
            let results = sandbox.judge(&program(&source), &asserts(&tests)).await.unwrap();
            (results[0].verdict.clone(), results[1].verdict.clone())
        });
    }
    while let Some(verdicts) = running.join_next().await {
        assert_eq!(verdicts.unwrap(), (Verdict::Passed, Verdict::WrongAnswer));
    }
}

/// Each test of a program that never ended took its whole limit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_loop_is_paid_for_once_and_the_other_verdicts_stay_right() {
    // Three seconds of processor time for the test that uses them up, a tenth of it for the others.
    let limits = Limits { cpu: Duration::from_secs(3), ..common::limits() };
    let sandbox = common::sandbox_with(None, limits).await;
    let source = "def f(x):\n    while x < 0: pass\n    return x + 1";
    let loops = ["assert f(-1) == 0"; 12];
    let tests = [&["assert f(1) == 2"], &loops[..], &["assert f(2) == 3", "assert f(2) == 9"]].concat();
    let results = sandbox.judge(&program(source), &asserts(&tests)).await.unwrap();
    let verdicts: Vec<_> = results.iter().map(|result| &result.verdict).collect();
    assert_eq!(verdicts[..3], [&Verdict::Passed, &timeout(Clock::Cpu), &Verdict::Unfinished], "{results:?}");
    assert!(verdicts[3..].iter().all(|verdict| **verdict == Verdict::Unfinished), "{results:?}");
    let said = |index: usize| results[index].error.as_deref().unwrap_or_default();
    assert!(said(2).ends_with("a test before it had used up its whole limit"), "{}", said(2));
    assert!(said(14).starts_with("not run: "), "{}", said(14));
    assert!(results[13..].iter().all(|result| result.seconds < 0.001), "ten were enough");
    // What ends within its part is judged as always, whether it passes or not.
    let tests = ["assert f(-1) == 0", "assert f(1) == 2", "assert f(1) == 3", "assert f('a') == 2"];
    let results = sandbox.judge(&program(source), &asserts(&tests)).await.unwrap();
    let verdicts: Vec<_> = results.into_iter().map(|result| result.verdict).collect();
    let expected = [timeout(Clock::Cpu), Verdict::Passed, Verdict::WrongAnswer, exception("TypeError")];
    assert_eq!(verdicts, expected);
    // A program that cannot be loaded is not loaded again.
    let endless = stdio("while True: pass\ndef solve(): print(1)");
    let tests = [Test::stdio("", "1"), Test::stdio("", "2")];
    let results = sandbox.judge(&endless, &tests).await.unwrap();
    assert!(results.iter().all(|result| !result.verdict.passed()), "{results:?}");
    let spent = |result: &egcfg_task::TestResult| result.verdict == timeout(Clock::Cpu);
    assert!(spent(&results[0]), "{results:?}");
}

/// A program that is slow and right passes, whichever of its tests are slow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_and_right_is_right() {
    let limits = Limits { cpu: Duration::from_secs(20), ..common::limits() };
    let sandbox = common::sandbox_with(None, limits).await;
    // A quarter of the limit, counted in the program's own processor time.
    let source = "import time\ndef f(x):\n    while time.process_time() < x: pass\n    return 2";
    let tests = asserts(&["assert f(5) == 2", "assert f(0) == 2", "assert f(7) == 2"]);
    let results = sandbox.judge(&program(source), &tests).await.unwrap();
    assert!(results.iter().all(|result| result.verdict.passed()), "{results:?}");
}
