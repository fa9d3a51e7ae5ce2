//! Every verdict, and what a test of each shape can see.

mod common;

use common::{asserts, exception, judge, program, sandbox, sandbox_short, stdio};
use egcfg_task::{Clock, Test, Verdict};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_verdict_of_an_assert_test() {
    let sandbox = sandbox().await;
    let cases = [
        ("def f(x):\n    return x + 1", "assert f(1) == 2", Verdict::Passed),
        ("def f(x):\n    return x + 1", "assert f(1) == 3", Verdict::WrongAnswer),
        ("def f(x):\n    return x + 1", "assert not f(1)", Verdict::WrongAnswer),
        ("def f(x):\n    return x", "f(1)\nraise AssertionError('no')", Verdict::AssertionFailed),
        ("def f(x):\n    return x.y", "assert f(1) == 2", exception("AttributeError")),
        ("class Odd(ValueError): pass\ndef f(x):\n    raise Odd('x')", "assert f(1) == 2", exception("Odd")),
        ("def f(x):\n    assert False", "assert f(1) == 2", exception("AssertionError")),
        ("def g(x):\n    return 1", "assert f(1) == 2", exception("NameError")),
        ("1 / 0\ndef f(x):\n    return 1", "assert f(1) == 1", exception("ZeroDivisionError")),
        ("def f(x):\n    return f(x)", "assert f(1) == 2", exception("RecursionError")),
        ("def f(x):\n    return None", "assert len(f(1)) == 2", exception("TypeError")),
        ("def f(x:\n", "assert f(1) == 2", Verdict::SyntaxError),
        ("x = '\0'\n", "assert f(1) == 2", Verdict::SyntaxError),
        ("return 1\n", "assert f(1) == 2", Verdict::SyntaxError),
        ("def f(x):\n    while True: pass", "assert f(1) == 2", Verdict::Timeout { clock: Clock::Cpu }),
        (
            "import time\ndef f(x):\n    time.sleep(60)",
            "assert f(1) == 2",
            Verdict::Timeout { clock: Clock::Idle },
        ),
        ("def f(x):\n    return bytearray(8 << 30)", "assert f(1) == 2", Verdict::MemoryExceeded),
        ("def f(x):\n    while True: print('y' * 9999)", "assert f(1) == 2", Verdict::OutputExceeded),
        (
            "import ctypes\ndef f(x):\n    ctypes.string_at(0)",
            "assert f(1) == 2",
            Verdict::Killed { signal: 11 },
        ),
        ("import sys\ndef f(x):\n    sys.exit(3)", "assert f(1) == 2", Verdict::ExitedEarly { code: 3 }),
        ("import os\ndef f(x):\n    os.fork()", "assert f(1) == 2", Verdict::ProcessLimit),
        (
            "import os\ndef f(x):\n    os.write(3, b'x' * 99)\n    return 2",
            "assert f(1) == 2",
            Verdict::Forged,
        ),
    ];
    let (cpu, idle) = (sandbox_short(Clock::Cpu).await, sandbox_short(Clock::Idle).await);
    for (source, test, verdict) in cases {
        let sandbox = match verdict {
            Verdict::Timeout { clock: Clock::Cpu } => &cpu,
            Verdict::Timeout { .. } => &idle,
            _ => &sandbox,
        };
        let result = judge(sandbox, source, test).await;
        assert_eq!(result.verdict, verdict, "{source}\n{test}\n{result:?}");
        assert_eq!(result.error.is_none(), verdict.passed(), "a failure says why: {result:?}");
        assert!(!result.unproven, "{result:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_says_what_was_expected_and_what_came() {
    let sandbox = sandbox().await;
    let result = judge(&sandbox, "def f(x):\n    return [x]", "assert f(1) == [2]").await;
    assert_eq!(result.error.as_deref(), Some("expected [2], got [1]"));
    assert_eq!(result.got.as_deref(), Some("[1]"));
    let result = judge(&sandbox, "def f(x):\n    raise ValueError('a\\x1b[2Jb')", "assert f(1) == 2").await;
    assert_eq!(result.error.as_deref(), Some("ValueError: a\\u{1b}[2Jb"));
    let result = judge(&sandbox, "x = 1\ndef f(x:\n    pass", "assert f(1) == 2").await;
    assert!(result.error.as_deref().is_some_and(|error| error.starts_with("line 2: ")), "{result:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_keep_their_meaning_on_the_way() {
    let sandbox = sandbox().await;
    let identity = "def f(x):\n    return x";
    for value in [
        "(1, -2, 2**200, -2**200, 1.5, float('inf'), 3j, True, None, ...)",
        "['a\\u20ac', 'x\\ud800y', b'\\0', bytearray(b'q'), '']",
        "{1: {2: {3}}, 'k': frozenset({(1, 2)})}",
        "(range(1, 9, 2), slice(1, None))",
        "__import__('collections').Counter('abca')",
        "__import__('collections').OrderedDict([(2, 1), (1, 2)])",
        "__import__('collections').deque([1, 2], maxlen=2)",
        "__import__('decimal').Decimal('1.50')",
        "__import__('fractions').Fraction(1, 3)",
        "__import__('datetime').datetime(2024, 2, 29, 1, 2, 3, 4)",
        "__import__('datetime').timedelta(days=-1, microseconds=5)",
        "[[]] * 3",
        "int",
    ] {
        let test =
            format!("value = {value}\ngot = f(value)\nassert got == value and type(got) is type(value)");
        let result = judge(&sandbox, identity, &test).await;
        assert_eq!(result.verdict, Verdict::Passed, "{value}: {result:?}");
    }
    let result = judge(&sandbox, identity, "nan = f(float('nan'))\nassert nan != nan").await;
    assert_eq!(result.verdict, Verdict::Passed);
    let cyclic = "x = []\nx.append(x)\ny = f(x)\nassert y is x and y[0] is y";
    assert_eq!(judge(&sandbox, identity, cyclic).await.verdict, Verdict::Passed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_sees_what_a_call_did_to_its_arguments() {
    let sandbox = sandbox().await;
    let cases = [
        ("def f(x):\n    x.sort()", "a = [3, 1]\nf(a)\nassert a == [1, 3]"),
        ("def f(x):\n    x['k'].append(x)", "a = {'k': []}\nf(a)\nassert a['k'][0] is a"),
        ("def f(x):\n    x[0].add(1)\n    return x", "a = [set()]\nassert f(a) is a and a == [{1}]"),
        (
            "def f(x):\n    x.clear()\n    raise KeyError(1)",
            "a = [1]\ntry:\n    f(a)\nexcept KeyError:\n    assert a == []",
        ),
        ("def f(x, y):\n    x.append(1)", "a = []\nf(a, y=[a])\nassert a == [1]"),
    ];
    for (source, test) in cases {
        let result = judge(&sandbox, source, test).await;
        assert_eq!(result.verdict, Verdict::Passed, "{test}: {result:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn iterators_and_functions_stay_with_the_program_and_work() {
    let sandbox = sandbox().await;
    let cases = [
        ("def f(x):\n    yield from range(x)", "assert list(f(3)) == [0, 1, 2]", Verdict::Passed),
        ("def f(x):\n    yield from range(x)", "assert f(3) == [0, 1, 2]", Verdict::WrongAnswer),
        (
            "import itertools\ndef f(x):\n    return itertools.count(x)",
            "assert next(f(3)) == 3",
            Verdict::Passed,
        ),
        ("def f(x):\n    return map(str, x)", "assert ''.join(f([1, 2])) == '12'", Verdict::Passed),
        ("def f(x):\n    return lambda y: x + y", "assert f(1)(2) == 3", Verdict::Passed),
        ("def f(x):\n    return {x: 1}.keys()", "assert f(1) == {1}", Verdict::Passed),
        (
            "def f(x):\n    raise ValueError('no')",
            "try:\n    f(1)\n    assert False\nexcept ValueError as e:\n    assert str(e) == 'no'",
            Verdict::Passed,
        ),
    ];
    for (source, test, verdict) in cases {
        let result = judge(&sandbox, source, test).await;
        assert_eq!(result.verdict, verdict, "{test}: {result:?}");
        assert!(!result.unproven);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_that_needs_the_programs_own_things_is_judged_as_unproven() {
    let sandbox = sandbox().await;
    let node = "class Node:\n    def __init__(self, v):\n        self.v = v\ndef helper(x):\n    return x\ndef f(n):\n    return n.v";
    let cases = [
        ("assert f(Node(3)) == 3", Verdict::Passed),
        ("assert f(Node(3)) == 4", Verdict::WrongAnswer),
        ("assert helper(1) == 1", Verdict::Passed),
        ("assert helper(1) == 2", Verdict::WrongAnswer),
        (
            "assert f(Missing(3)) == 3",
            Verdict::InvalidTest {
                message: "it names Missing, which neither the program nor its setup defines".to_owned(),
            },
        ),
        ("assert f(lambda: 1) == 3", exception("AttributeError")),
    ];
    for (test, verdict) in cases {
        let result = judge(&sandbox, node, test).await;
        assert_eq!(result.verdict, verdict, "{test}: {result:?}");
        assert_eq!(result.unproven, !test.contains("Missing"), "{test}: {result:?}");
    }
    let mut task = program(node);
    task.setup_code = "root = Node(5)".to_owned();
    let results =
        sandbox.judge(&task, &asserts(&["assert f(root) == 5", "assert f(root) == 6"])).await.unwrap();
    assert_eq!((&results[0].verdict, results[0].unproven), (&Verdict::Passed, true));
    assert_eq!((&results[1].verdict, results[1].unproven), (&Verdict::WrongAnswer, true));
    let mut task = program(
        "class Stack:\n    def __init__(self):\n        self.items = []\n    def push(self, x):\n        self.items.append(x)\n        return len(self.items)",
    );
    task.entry_point = "Stack".to_owned();
    let results = sandbox.judge(&task, &asserts(&["s = Stack()\nassert s.push(1) == 1"])).await.unwrap();
    assert_eq!((&results[0].verdict, results[0].unproven), (&Verdict::Passed, true));
}

/// It was the program's exception.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn setup_code_that_does_not_compile_is_no_fault_of_the_programs() {
    let sandbox = sandbox().await;
    for setup in ["import (", "x = '\0'"] {
        let mut task = program("def f(x): return x");
        task.setup_code = setup.to_owned();
        for result in sandbox.judge(&task, &asserts(&["assert f(1) == 1", "assert f(1) == 2"])).await.unwrap()
        {
            let Verdict::InvalidTest { message } = &result.verdict else { panic!("{setup}: {result:?}") };
            assert!(message.contains("the setup code does not compile"), "{message}");
            assert!(!result.unproven, "{result:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn setup_and_the_programs_imports_reach_the_test() {
    let sandbox = sandbox().await;
    let mut task =
        program("import math\nfrom collections import Counter\ndef f(x):\n    return LIMIT + math.sqrt(x)");
    task.setup_code = "LIMIT = 1\nimport cmath".to_owned();
    let tests = asserts(&[
        "assert math.isclose(f(4), 3)",
        "assert Counter([f(4)]) == Counter([3])",
        "assert cmath.isclose(f(4), 2 + LIMIT)",
    ]);
    // Set-up that gives the program a name reaches it other than by its value, and so do tests behind it.
    for result in sandbox.judge(&task, &tests).await.unwrap() {
        assert_eq!((&result.verdict, result.unproven), (&Verdict::Passed, true), "{result:?}");
    }
    let task = program("import math\ndef f(x):\n    return math.sqrt(x)");
    for result in sandbox.judge(&task, &asserts(&["assert math.isclose(f(4), 2)"])).await.unwrap() {
        assert_eq!((&result.verdict, result.unproven), (&Verdict::Passed, false), "{result:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tests_after_a_fatal_one_are_judged_in_a_fresh_process() {
    let sandbox = sandbox_short(Clock::Cpu).await;
    let source = "import os\ncalls = 0\ndef f(x):\n    global calls\n    calls += 1\n    if x == 0:\n        os._exit(0)\n    if x < 0:\n        while True: pass\n    return calls";
    let tests = [
        "assert f(1) == 1",
        "assert f(1) == 2",
        "assert f(0) == 1",
        "assert f(1) == 1",
        "assert f(-1) == 1",
        "assert f(1) == 1",
    ];
    let results = sandbox.judge(&program(source), &asserts(&tests)).await.unwrap();
    let verdicts: Vec<_> = results.iter().map(|result| &result.verdict).collect();
    let cpu = Verdict::Timeout { clock: Clock::Cpu };
    let exited = Verdict::ExitedEarly { code: 0 };
    let passed = Verdict::Passed;
    assert_eq!(verdicts, [&passed, &passed, &exited, &passed, &cpu, &passed]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stdin_stdout_programs() {
    let sandbox = sandbox().await;
    let sum = "def solve():\n    n = int(input())\n    print(sum(int(x) for x in input().split()[:n]))";
    let main_guard = format!("{sum}\nif __name__ == '__main__':\n    solve()\n");
    let cases = [
        (sum, "2\n3 4\n", "7", Verdict::Passed),
        (&main_guard, "2\n3 4\n", "7\n\n", Verdict::Passed),
        ("import sys\nprint(sys.stdin.read().upper(), end='')", "ab\nc", "AB\nC\n", Verdict::Passed),
        ("print(open(0).readline())", "x\n", "x", Verdict::Passed),
        ("import os\nos.write(1, os.read(0, 9))", "raw", "raw", Verdict::Passed),
        ("print('a  ')\nprint()\nimport sys\nsys.exit()", "", "a", Verdict::Passed),
        (sum, "2\n3 4\n", "8", Verdict::WrongAnswer),
        (sum, "2\n", "8", exception("EOFError")),
        ("print(7)\nraise SystemExit(2)", "", "7", Verdict::ExitedEarly { code: 2 }),
        // The interpreter passes on what the program wrote, however it ended with 0.
        ("import os\nos.write(1, b'7')\nos._exit(0)", "", "7", Verdict::Passed),
        ("import os\nos._exit(0)\nprint(7)", "", "7", Verdict::WrongAnswer),
        ("while True: print('x' * 100)", "", "x", Verdict::OutputExceeded),
        ("import sys\nwhile True: sys.stderr.write('x' * 100)", "", "x", Verdict::OutputExceeded),
        ("def solve(:\n", "", "", Verdict::SyntaxError),
        ("print('\\udcff')", "", "", exception("UnicodeEncodeError")),
    ];
    for (source, stdin, stdout, verdict) in cases {
        let test = Test::stdio(stdin, stdout);
        let results = sandbox.judge(&stdio(source), &[test]).await.unwrap();
        assert_eq!(results[0].verdict, verdict, "{source}: {:?}", results[0]);
    }
    let large = format!("{}\n", "9".repeat(3 << 20));
    let test = Test::stdio(large, (3 << 20).to_string());
    let results = sandbox.judge(&stdio("def solve():\n    print(len(input()))"), &[test]).await.unwrap();
    assert_eq!(results[0].verdict, Verdict::Passed, "{:?}", results[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_that_wavers_is_flaky() {
    let sandbox = sandbox().await;
    // No two runs end alike.
    let source = "import os\ndef f(x):\n    if x == 0:\n        return 2\n    raise type('E' + os.urandom(8).hex(), (Exception,), {})";
    let tests = ["assert f(0) == 2", "assert f(1) == 2"].map(|test| Test::Assert(test.to_owned()));
    let results = sandbox.judge_twice(&program(source), &tests).await.unwrap();
    assert_eq!(results.iter().map(|result| result.flaky).collect::<Vec<_>>(), [false, true], "{results:?}");
    assert!(results[0].verdict.passed() && !results[1].verdict.passed());
    let once = sandbox.judge(&program(source), &tests).await.unwrap();
    assert!(!once[1].flaky, "nobody looked twice");
}

/// What no program can pass is no program's failure, and no trouble of the machine's that another try would mend.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_that_cannot_run_is_told_apart() {
    let sandbox = sandbox().await;
    let source = "def f(x):\n    return x";
    for (test, says) in [
        ("assert f(1) ==", "it does not compile: "),
        ("return f(1)", "it does not compile: "),
        ("assert g(1) == f(1)", "it names g, which neither the program nor its setup defines"),
        (
            "import no_such_module\nassert f(1) == 1",
            "it fails before it calls the program: ModuleNotFoundError",
        ),
        ("assert f([1][5]) == 1", "it fails before it calls the program: IndexError"),
        ("assert 1 == 2", "it fails before it calls the program: AssertionError"),
    ] {
        let result = judge(&sandbox, source, test).await;
        let Verdict::InvalidTest { message } = &result.verdict else { panic!("{test}: {result:?}") };
        assert!(message.starts_with(says), "{test}: {message}");
        assert_eq!(result.error.as_ref(), Some(message));
    }
    // Once the program has answered, it may be its doing; and what it should define and does not is its failure.
    for (source, test) in [
        (source, "assert f(1) == 2 or g(1)"),
        ("def g(x): return x", "assert f(1) == 1"),
        ("f = 1", "assert f(1) == 1"),
    ] {
        let result = judge(&sandbox, source, test).await;
        assert!(result.verdict.failed(), "{source}, {test}: {result:?}");
    }
    let results = sandbox.judge(&program(source), &[Test::stdio("1", "1")]).await.unwrap();
    assert!(matches!(results[0].verdict, Verdict::InvalidTest { .. }), "{results:?}");
    let results = sandbox.judge(&stdio("print(1)"), &asserts(&["assert f(1) == 1"])).await.unwrap();
    assert!(matches!(results[0].verdict, Verdict::InvalidTest { .. }), "{results:?}");
}
