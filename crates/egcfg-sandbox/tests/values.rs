//! Right values never get a wrong verdict: programs with tests, and scripts with their input, against CPython itself, on each
//! interpreter of this machine.

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{asserts, interpreters, program, sandbox, sandbox_on, stdio};
use egcfg_sandbox::{Limits, Sandbox, SandboxOptions};
use egcfg_task::{Form, Test, TestResult, Verdict};

/// One entry of a table: its title, what stands before `---`, and what stands behind.
struct Entry {
    title: String,
    source: String,
    rest: String,
}

impl Entry {
    fn must_fail(&self) -> bool {
        self.title.ends_with("(fails)")
    }
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/values").join(name)
}

fn table(name: &str) -> Vec<Entry> {
    let text = std::fs::read_to_string(folder(name)).expect("a table");
    let entry = |part: &str| {
        // The split takes the newline at the end of an entry.
        let part = format!("{}\n", part.strip_suffix('\n').unwrap_or(part));
        let (title, body) = part.split_once('\n').expect("a title");
        let (source, rest) = body.split_once("---\n").expect("two parts");
        Entry { title: title.to_owned(), source: source.to_owned(), rest: rest.to_owned() }
    };
    text.split("\n=== ").skip(1).map(entry).collect()
}

/// Judges programs that may take their time, as they do on a busy machine.
async fn patient(python: PathBuf) -> Sandbox {
    let limits = Limits { memory: 1 << 30, ..Limits::default() };
    let options = SandboxOptions { python: Some(python), workers: 2, limits, ..SandboxOptions::default() };
    Sandbox::start(options).await.expect("a sandbox starts")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_and_tests_have_the_verdict_of_the_interpreter() {
    let pairs = table("pairs.txt");
    for python in interpreters() {
        let output = Command::new(&python)
            .arg(folder("reference.py"))
            .arg(folder("pairs.txt"))
            .env("PYTHONHASHSEED", "0")
            .stdin(Stdio::null())
            .output()
            .expect("the interpreter starts");
        let said = String::from_utf8(output.stdout).expect("text");
        let said: Vec<bool> = said.lines().map(|line| line == "pass").collect();
        assert_eq!(said.len(), pairs.len(), "{}", String::from_utf8_lossy(&output.stderr));
        let sandbox = patient(python.clone()).await;
        let mut wrong = Vec::new();
        for (pair, passes) in pairs.iter().zip(said) {
            assert_eq!(passes, !pair.must_fail(), "{}: {}", python.display(), pair.title);
            let results =
                sandbox.judge(&program(&pair.source), &asserts(&[&pair.rest])).await.expect("a result");
            let [result] = results.as_slice() else { panic!("one result") };
            assert!(result.verdict.is_scored(), "{}: {}: {result:?}", python.display(), pair.title);
            if result.verdict.passed() != passes {
                wrong.push(format!("{}: {result:?}", pair.title));
            }
        }
        assert!(wrong.is_empty(), "{}:\n{}", python.display(), wrong.join("\n"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_end_as_the_interpreter_ends_them() {
    let scripts = table("scripts.txt");
    let work = tempfile::tempdir().expect("a folder");
    for python in interpreters() {
        let sandbox = patient(python.clone()).await;
        let mut wrong = Vec::new();
        // Settings for Python in the environment (unbuffered output) would be others than the sandbox has.
        for script in &scripts {
            let (file, input) = (work.path().join("program.py"), work.path().join("input"));
            std::fs::write(&file, &script.source).expect("written");
            std::fs::write(&input, &script.rest).expect("written");
            let output = Command::new(&python)
                .arg("program.py")
                .current_dir(work.path())
                .env_clear()
                .envs([("PYTHONHASHSEED", "0"), ("LANG", "C.UTF-8"), ("PATH", "/usr/bin:/bin")])
                .stdin(std::fs::File::open(&input).expect("the input"))
                .output()
                .expect("the interpreter starts");
            assert_eq!(
                output.status.success(),
                !script.must_fail(),
                "{}: {}",
                python.display(),
                script.title
            );
            let printed = String::from_utf8(output.stdout).expect("text");
            let test = Test::stdio(script.rest.clone(), printed);
            let results = sandbox.judge(&stdio(&script.source), &[test]).await.expect("a result");
            if results[0].verdict.passed() == script.must_fail() {
                wrong.push(format!("{}: {:?}", script.title, results[0]));
            }
        }
        assert!(wrong.is_empty(), "{}:\n{}", python.display(), wrong.join("\n"));
    }
}

/// The task's function is called where the file as a script does nothing of its own, and only there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_alone_is_called() {
    let sandbox = sandbox().await;
    let body = "    n = int(input())\n    print(sum(map(int, input().split())))\n";
    let alone = [
        format!("def solve():\n{body}"),
        format!(
            "import sys\nsys.setrecursionlimit(10 ** 5)\nLIMIT = 10\ninput = sys.stdin.readline\ndef solve(debug=False):\n{body}"
        ),
        format!(
            "\"\"\"Adds.\"\"\"\ndef helper(x):\n    return x\nTABLE = [helper(x) for x in range(9)]\ndef solve(*rest):\n{body}"
        ),
        format!("try:\n    import sys\nexcept ImportError:\n    pass\ndef solve():\n{body}"),
    ];
    for source in alone {
        let test = Test::stdio("3\n1 2 3\n", "6\n");
        let results = sandbox.judge(&stdio(&source), &[test]).await.expect("a result");
        assert_eq!(results[0].verdict, Verdict::Passed, "{source}: {results:?}");
    }
    let nothing = "def solve(n):\n    print(n)\n";
    let results = sandbox.judge(&stdio(nothing), &[Test::stdio("3\n", "3\n")]).await.expect("a result");
    assert_eq!(results[0].verdict, Verdict::WrongAnswer, "{results:?}");
}

/// A byte order mark is no part of a program, whichever way it is run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_byte_order_mark_is_no_part_of_a_program() {
    let sandbox = sandbox().await;
    let result = common::judge(&sandbox, "\u{feff}def f(x):\n    return x + 1\n", "assert f(1) == 2").await;
    assert_eq!(result.verdict, Verdict::Passed, "{result:?}");
    let test = Test::stdio("", "1\n");
    let results = sandbox.judge(&stdio("\u{feff}print(1)\n"), &[test]).await.expect("a result");
    assert_eq!(results[0].verdict, Verdict::Passed, "{results:?}");
}

/// What a value is compared by beside the program proves nothing, and says so; what came over exactly is proven.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_label_says_where_a_test_ran() {
    let sandbox = sandbox().await;
    let tuple = "from collections import namedtuple\nP = namedtuple('P', 'x')\ndef f(x):\n    return P(x)";
    for (source, test, verdict, unproven) in [
        ("def f(x):\n    return map(str, x)", "assert list(f([1])) == ['1']", Verdict::Passed, false),
        ("def f(x):\n    return lambda: x", "assert f(1)() == 1", Verdict::Passed, false),
        ("def f(x):\n    return {x: 1}", "assert f(1) == {1: 1}", Verdict::Passed, false),
        (tuple, "assert f(1) == (1,)", Verdict::Passed, true),
        (tuple, "assert f(1) == (2,)", Verdict::WrongAnswer, true),
        ("def f(x):\n    '''Doc.'''", "assert f.__doc__ == 'Doc.'", Verdict::Passed, true),
        // A class is one object here and there; what two calls give may be one object there only.
        (
            "def f(x):\n    return x",
            "assert f(1) == 1 and type(f(2)) is int is f(3).__class__",
            Verdict::Passed,
            false,
        ),
        ("def f(x):\n    return K\nK = [1]", "assert f(1) is f(2)", Verdict::Passed, true),
        // It fails in both places: the first failure is a proven one.
        ("def f(x):\n    yield x", "g = f(1)\nassert g == [1]", Verdict::WrongAnswer, false),
    ] {
        let result: TestResult = common::judge(&sandbox, source, test).await;
        assert_eq!((&result.verdict, result.unproven), (&verdict, unproven), "{test}: {result:?}");
    }
}

/// A test that patches what the program uses leaves nothing of it for the next test.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patched_process_serves_no_other_test() {
    let python = interpreters().remove(0);
    let sandbox = sandbox_on(Some(python)).await;
    let source = "count = 0\ndef f():\n    global count\n    count += 1\n    return int(input()) + count";
    let tests = [
        "import builtins\nbuiltins.input = lambda: '4'\nassert f() == 5",
        "try:\n    f()\n    assert False\nexcept EOFError:\n    pass",
        "assert count == 0",
        "f()",
    ];
    let results = sandbox.judge(&program(source), &asserts(&tests)).await.expect("results");
    let verdicts: Vec<&Verdict> = results.iter().map(|result| &result.verdict).collect();
    let passed = &Verdict::Passed;
    assert_eq!(verdicts[..3], [passed, passed, passed], "{results:?}");
    assert_eq!(verdicts[3], &common::exception("EOFError"), "{results:?}");
    assert_eq!(program(source).form, Form::Asserts);
}

/// The line of a failure shows what differs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_shows_the_difference_that_matters() {
    let sandbox = sandbox().await;
    for (source, test, line) in [
        (
            "def f(n):\n    return [0] * 70 + [1] + [0] * 70",
            "assert f(1) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]",
            "expected 2 at [70], got 1",
        ),
        ("def f(n):\n    return [1]", "assert f(1) == (1,)", "expected (1,), got [1]"),
        (
            "def f(n):\n    return {'a': 'x' * 130, 'b': {'c': 1}}",
            &format!("assert f(1) == {{'a': '{}', 'b': {{'c': 2}}}}", "x".repeat(130)),
            "expected 2 at ['b']['c'], got 1",
        ),
        ("class A:\n    x = 1\ndef f(n):\n    return A()", "assert f(1).x == 2", "expected 2, got 1"),
    ] {
        let result = common::judge(&sandbox, source, test).await;
        assert_eq!(result.verdict, Verdict::WrongAnswer, "{result:?}");
        assert_eq!(result.error.as_deref(), Some(line));
    }
}
