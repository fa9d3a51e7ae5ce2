//! The ways in which tests come to a program: as scripts of their own, from other threads, by what they put in the place of a
//! module's function; and those that never come to it. CPython decides what a right program is.

mod common;

use std::process::Command;

use common::{asserts, exception, interpreters, judge, program, sandbox, sandbox_on};
use egcfg_sandbox::Program;
use egcfg_task::Verdict;

const UNITTEST: &str = "import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(f(2), 4)\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_may_be_a_script_of_its_own() {
    let sandbox = sandbox().await;
    for end in [
        "assert unittest.main(exit=False).result.wasSuccessful()",
        "unittest.main()",
        "if __name__ == '__main__':\n    unittest.main()",
        "import sys\nsys.exit(not unittest.main(exit=False).result.wasSuccessful())",
    ] {
        let test = format!("{UNITTEST}{end}");
        let right = judge(&sandbox, "def f(x): return 2 * x", &test).await;
        assert_eq!(right.verdict, Verdict::Passed, "{end}: {right:?}");
        let wrong = judge(&sandbox, "def f(x): return 999", &test).await;
        assert!(wrong.verdict.failed(), "{end}: {wrong:?}");
    }
    let guarded = "if __name__ == '__main__':\n    assert f(1) == 2";
    assert_eq!(judge(&sandbox, "def f(x): return x + 1", guarded).await.verdict, Verdict::Passed);
    assert_eq!(judge(&sandbox, "def f(x): return x", guarded).await.verdict, Verdict::WrongAnswer);
}

/// What ends well without having asked anything has shown nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_that_never_comes_to_call_the_program_shows_nothing() {
    let sandbox = sandbox().await;
    for test in [
        "try:\n    import no_such_module as np\n    assert np.allclose(f(1), 2)\nexcept ImportError:\n    pass",
        "for n in range(5, 1):\n    assert f(n) == 2",
        "cases = {}\nfor k, v in cases.items():\n    assert f(k) == v",
        &format!(
            "{}assert unittest.main(exit=False).result.wasSuccessful()",
            UNITTEST.replace("def test_a", "def a")
        ),
        &format!(
            "{}unittest.main()",
            UNITTEST.replace("    def test_a", "    @unittest.skip('later')\n    def test_a")
        ),
    ] {
        for program in ["def f(x): return 999", "def f(x): return 2 * x"] {
            let result = judge(&sandbox, program, test).await;
            assert!(matches!(result.verdict, Verdict::InvalidTest { .. }), "{test}: {result:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_may_call_from_threads_and_put_things_in_place_of_others() {
    let sandbox = sandbox().await;
    let cases = [
        (
            "def f(x): return x * 2",
            "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(4) as e:\n    assert list(e.map(f, range(4))) == [0, 2, 4, 6]",
        ),
        (
            "import threading\ndef f(): return threading.current_thread().name",
            "import threading\nr = []\nt = threading.Thread(target=lambda: r.append(f()), name='W')\nt.start()\nt.join()\nassert r == ['W']",
        ),
        (
            "def f(x): return x * 2",
            "import asyncio\nasync def go():\n    return await asyncio.gather(*[asyncio.to_thread(f, i) for i in range(8)])\nassert asyncio.run(go()) == [0, 2, 4, 6, 8, 10, 12, 14]",
        ),
        (
            "import os\ndef f(p): return os.path.getsize(p)",
            "import os\nos.path.getsize = lambda p: 7\nassert f('x') == 7",
        ),
        (
            "import time\ndef f(): return time.time()",
            "import time\nsetattr(time, 'time', lambda: 5)\nassert f() == 5",
        ),
        (
            "import time\ndef f(): return time.time()",
            "import time\nvars(time)['time'] = lambda: 5\nassert f() == 5",
        ),
        (
            "import warnings\ndef f(): warnings.warn('x', UserWarning)",
            "import warnings\nwarnings.filterwarnings('error')\ntry:\n    f()\nexcept UserWarning:\n    pass\nelse:\n    assert False",
        ),
        (
            "def f(n): return len(str(10 ** n))",
            "import sys\nif hasattr(sys, 'set_int_max_str_digits'):\n    sys.set_int_max_str_digits(0)\nassert f(5000) == 5001",
        ),
        ("def f(xs): return xs[::-1]", "import math\nassert f([1, math.nan]) == [math.nan, 1]"),
        ("def f(x): return x", "x = None\nfor i in range(150):\n    x = (i, x)\nassert f(x) == x"),
        (
            "import resource, sys\nresource.setrlimit(resource.RLIMIT_STACK, [0x10000000, resource.RLIM_INFINITY])\nresource.setrlimit(resource.RLIMIT_STACK, (resource.RLIM_INFINITY,) * 2)\nresource.setrlimit(resource.RLIMIT_AS, (2 << 40, -1))\ndef f(x): return x",
            "assert f(1) == 1",
        ),
    ];
    for (program, test) in cases {
        let result = judge(&sandbox, program, test).await;
        assert_eq!(result.verdict, Verdict::Passed, "{test}: {result:?}");
    }
    let wrong = [
        ("def f(x): return x", cases[0].1),
        ("def f(p): return 8", cases[3].1),
        ("def f(xs): return xs", cases[8].1),
        ("def f(x): return 1", cases[9].1),
    ];
    for (program, test) in wrong {
        let result = judge(&sandbox, program, test).await;
        assert!(!result.verdict.passed(), "{test}: {result:?}");
    }
}

/// A program comes as deep as it would alone: no frame of the driver's counts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_comes_exactly_as_deep_as_alone() {
    let source = "def f(n):\n    return 0 if n == 0 else 1 + f(n - 1)\n";
    let ask = format!(
        "{source}n = 1\ntry:\n    while f(n) == n:\n        n += 1\nexcept RecursionError:\n    print(n - 1)\n"
    );
    for python in interpreters() {
        let output = Command::new(&python).args(["-S", "-c", &ask]).output().expect("the interpreter starts");
        let deepest: u32 = String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number");
        let sandbox = sandbox_on(Some(python.clone())).await;
        let right = judge(&sandbox, source, &format!("assert f({deepest}) == {deepest}")).await;
        assert_eq!(right.verdict, Verdict::Passed, "{}: {right:?}", python.display());
        let deeper = judge(&sandbox, source, &format!("assert f({}) > 0", deepest + 1)).await;
        assert_eq!(deeper.verdict, exception("RecursionError"), "{}: {deeper:?}", python.display());
    }
}

/// A program that the sandbox cannot run as it is meant says what to write instead.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn locks_between_processes_are_told() {
    let sandbox = sandbox().await;
    for source in [
        "from multiprocessing.pool import ThreadPool\ndef f(xs):\n    with ThreadPool(2) as pool:\n        return pool.map(abs, xs)\n",
        "import multiprocessing\nlock = multiprocessing.Lock()\ndef f(xs):\n    return [abs(x) for x in xs]\n",
    ] {
        let result = judge(&sandbox, source, "assert f([-1]) == [1]").await;
        let told = result.error.as_deref().is_some_and(|error| error.contains("(hint: no memory is shared"));
        assert!(told, "{source}: {result:?}");
    }
    let threads = "from concurrent.futures import ThreadPoolExecutor\ndef f(xs):\n    with ThreadPoolExecutor(2) as pool:\n        return list(pool.map(abs, xs))\n";
    let result = judge(&sandbox, threads, "assert f([-1]) == [1]").await;
    assert_eq!(result.verdict, Verdict::Passed, "{result:?}");
}

/// A test that runs beside the program may end as a script does; the program may not end it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_beside_the_program_may_end_well() {
    let sandbox = sandbox().await;
    let program = "class f:\n    def g(self): return 3\n";
    let case =
        "import unittest\nclass T(unittest.TestCase):\n    def test_g(self): self.assertEqual(f().g(), 3)\n";
    let ends = ["assert f().g() == 3\nraise SystemExit", "assert f().g() == 3\nimport sys\nsys.exit(0)"];
    let whole = [format!("{case}unittest.main()"), ends[0].to_owned(), ends[1].to_owned()];
    for test in &whole {
        let right = judge(&sandbox, program, test).await;
        assert_eq!(right.verdict, Verdict::Passed, "{test}: {right:?}");
        for wrong in ["return 4", "raise SystemExit(0)", "import sys; sys.exit(0)", "exit()"] {
            let program = program.replace("return 3", wrong);
            let result = judge(&sandbox, &program, test).await;
            assert!(!result.verdict.passed(), "{wrong}, {test}: {result:?}");
        }
    }
    // The program's own exit, in the test's own words.
    let exits = "import sys\nclass f:\n    g = staticmethod(sys.exit)\n    __eq__ = __bool__ = lambda *a: sys.exit()\n";
    for test in whole.iter().map(String::as_str).chain([
        "import sys\nf().g(); sys.exit(0)",
        "import sys\nif f().g(): sys.exit(0)\nassert False",
        "import sys\nsys.exit(f().g() != 3)",
        "import sys\nsys.exit(f() == 3)",
        "f().g()\nraise SystemExit",
        "x = f()\nx.g(0)\nexit()",
    ]) {
        let result = judge(&sandbox, exits, test).await;
        assert!(!result.verdict.passed(), "{test}: {result:?}");
    }
    for nothing in [
        case.replace("def test_g", "def g") + "unittest.main()",
        case.replace("    def test_g", "    @unittest.skip('later')\n    def test_g") + "unittest.main()",
        "assert f().g() == 3\nraise SystemExit(1)".to_owned(),
    ] {
        let result = judge(&sandbox, program, &nothing).await;
        assert!(!result.verdict.passed(), "{nothing}: {result:?}");
    }
}

/// Setup code that fails whatever the program is, is a fault of the task.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn setup_that_fails_is_no_fault_of_the_program() {
    let sandbox = sandbox().await;
    let run = async |setup: &str| {
        let program = Program { setup_code: setup.to_owned(), ..program("def f(x): return x + 1") };
        let results = sandbox.judge(&program, &asserts(&["assert f(1) == 2"])).await.expect("a result");
        results.into_iter().next().expect("one")
    };
    for setup in ["import no_such_module", "raise ValueError(1)", "X = {}['k']"] {
        let result = run(setup).await;
        assert!(matches!(result.verdict, Verdict::InvalidTest { .. }), "{setup}: {result:?}");
        assert!(result.error.is_some_and(|error| error.contains("its setup fails: ")), "{setup}");
    }
    // The program may be what should have had it.
    let result = run("root = Node(4)").await;
    assert_eq!(result.verdict, exception("NameError"), "{result:?}");
    assert_eq!(run("import math").await.verdict, Verdict::Passed);
}
