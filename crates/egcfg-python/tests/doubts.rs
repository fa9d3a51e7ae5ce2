//! Tests that say nothing about a program are told from those that do: by a table, and by every test of the public data sets.

use std::io::Read as _;
use std::path::Path;

use egcfg_python::doubt;

#[test]
fn what_cannot_fail_is_doubted_and_says_why() {
    for (test, what) in [
        ("f([1]) == 99", "nobody looks at the result"),
        ("assert (f(1) == 2, 'y')", "a tuple"),
        ("assert (x, \"y\")", "a tuple"),
        ("print(\"hi\")", "only prints"),
        ("print(f(1) == 2)", "only prints"),
        ("assert True", "a constant"),
        ("assert 1", "a constant"),
        ("assert 'f(1) == 2'", "a constant"),
        ("assert not False", "a constant"),
        ("assert [f(1)]", "a constant"),
        ("assert f(1) == 2 or True", "a constant"),
        ("assert str(f(1) == 2)", "a text"),
        ("assert f'{f(1) == 2}'", "a text"),
        ("assert f'{f(1)=}'", "a text"),
        ("assert str(not f(1))", "a text"),
        ("assert any([f(1) == 2, True])", "a constant"),
        ("assert all((True, [f(1)]))", "a constant"),
        ("assert (f(1) == 2) | True", "a constant"),
        ("assert f", "the function itself"),
        ("assert lambda: f(1) == 2", "a function"),
        ("f(1)", "nobody looks at the result"),
        ("x = f(1)", "asserts nothing"),
        ("pass", "asserts nothing"),
        ("", "asserts nothing"),
        ("# assert f(1) == 2", "asserts nothing"),
        ("'assert f(1) == 2'", "asserts nothing"),
        ("if False:\n    assert f(1) == 2", "never reached"),
        ("while 0:\n    assert f(1) == 2", "never reached"),
        ("for x in []:\n    assert f(x) == 2", "never reached"),
        ("def test():\n    assert f(1) == 2", "never reached"),
        ("def test():\n    return\n    assert f(1) == 2\ntest()", "never reached"),
        ("class T:\n    def test(self):\n        assert f(1) == 2", "never reached"),
        ("try:\n    assert f(1) == 2\nexcept Exception:\n    pass", "never reached"),
        ("try:\n    assert f(1) == 2\nexcept:\n    print('no')", "never reached"),
        (
            "import contextlib\nwith contextlib.suppress(AssertionError):\n    assert f(1) == 2",
            "never reached",
        ),
        ("def check(x):\n    print(x)\ncheck(f(1))", "nobody looks at the result"),
        ("assert 1 + 1 == 2", "never calls f"),
        ("assert len('ab') == 2", "never calls f"),
        ("x = 2\nassert x == 2", "never calls f"),
        ("import math\nassert math.floor(2.5) == 2", "never calls f"),
    ] {
        let doubt = doubt(test, "f", "").unwrap_or_else(|| panic!("not doubted: {test}"));
        assert!(doubt.what.contains(what), "{test}: {}", doubt.what);
        assert!(!doubt.hint.is_empty());
    }
    assert!(doubt("verify_it(1) == 2", "verify_it", "").is_some());
    let found = doubt("x = 1\nf(x) == 99", "f", "").expect("doubted");
    assert_eq!((found.line, found.hint.as_str()), (2, "write `assert f(x) == 99`"));
}

#[test]
fn what_may_fail_is_not_doubted() {
    for (test, setup) in [
        ("assert str(f(1))", ""),
        ("assert f'{f(1)}'", ""),
        ("assert any([f(1) == 2, False])", ""),
        ("assert all([f(1) == 2, True])", ""),
        ("assert f(1) | 2 == 3", ""),
        ("if __name__ == '__main__':\n    assert f(1) == 2", ""),
        ("assert f(1) == 2", ""),
        ("assert f(1)", ""),
        ("assert not f(1)", ""),
        ("assert f(1) == 2, 'message'", ""),
        ("assert candidate(1) == 2", ""),
        ("assert helper(1) == 2", ""),
        ("assert Node(1).value == 2", ""),
        ("for x in range(3):\n    assert f(x) == x", ""),
        ("if f(1) != 2:\n    raise AssertionError('no')", ""),
        ("try:\n    f(-1)\n    assert False\nexcept ValueError:\n    pass", ""),
        ("try:\n    f(-1)\nexcept ValueError:\n    pass\nelse:\n    assert False", ""),
        ("try:\n    f(-1)\n    raise AssertionError\nexcept ValueError as e:\n    assert str(e)", ""),
        ("import pytest\nwith pytest.raises(ValueError):\n    f(-1)", ""),
        ("import unittest\nunittest.TestCase().assertEqual(f(1), 2)", ""),
        (
            "import unittest\nclass T(unittest.TestCase):\n    def test(self):\n        self.assertEqual(f(1), 2)\nunittest.main()",
            "",
        ),
        (
            "import unittest\nclass T(unittest.TestCase):\n    def runTest(self):\n        self.assertEqual(f(1), 2)\nT().runTest()",
            "",
        ),
        ("def check(candidate):\n    assert candidate(1) == 2\ncheck(f)", ""),
        ("def check(x, y):\n    assert x == y\nfor x in range(3):\n    check(f(x), x)", ""),
        ("def inner(x):\n    assert x\ndef outer(x):\n    inner(x)\nouter(f(1))", ""),
        ("def test_f():\n    assert f(1) == 2\nfor test in [test_f]:\n    test()", ""),
        ("check(f(1), 2)", "def check(x, y):\n    assert x == y"),
        ("assert result == 2", "result = f(1)"),
        ("assert f(DATA) == 2", "DATA = [1]"),
        ("import numpy as np\nnp.testing.assert_allclose(f(1), 2)", ""),
        (
            "from unittest.mock import patch\nwith patch('builtins.print') as p:\n    f(1)\np.assert_called_once_with(1)",
            "",
        ),
        ("exec('assert f(1) == 2')", ""),
        ("match f(1):\n    case 2:\n        pass\n    case _:\n        assert False", ""),
        (
            "import io, contextlib\nb = io.StringIO()\nwith contextlib.redirect_stdout(b):\n    f('bo')\nassert b.getvalue() == 'hi bo\\n'",
            "",
        ),
        ("f('x')\nassert open('out.txt').read() == 'x'", ""),
        ("import asyncio\nasync def go():\n    assert await f(1) == 2\nasyncio.run(go())", ""),
        ("from solution import f as g\nassert g(1) == 2", ""),
        ("(lambda: f(1))() or exit(1)", ""),
        ("assert f(1) ==", ""),
    ] {
        let found = doubt(test, "f", setup);
        assert!(found.is_none(), "{test}: {found:?}");
    }
}

/// Tests that never ask the program, by whatever detour.
#[test]
fn what_never_asks_the_program_is_doubted() {
    for (test, what) in [
        ("assert __debug__", "a constant"),
        ("assert 1 == 1, f(1)", "a constant"),
        ("x = 1\nassert x == 1, f(1)", "never calls f"),
        ("def f(x):\n    return 99\nassert f(1) == 99", "never calls f"),
        ("def f(x):\n    return f(x - 1) if x else 99\nassert f(1) == 99", "never calls f"),
        ("class f:\n    pass\nassert f()", "never calls f"),
        ("f = 5\nassert f == 5", "never calls f"),
        ("f: int = 5\nassert f == 5", "never calls f"),
        ("f, g = 5, 6\nassert f == 5", "never calls f"),
        ("f = lambda x: 99\nassert f(1) == 99", "never calls f"),
        ("f = Mock(return_value=99)\nassert f(1) == 99", "never calls f"),
        ("from unittest.mock import Mock\nf = Mock(return_value=99)\nassert f(1) == 99", "never calls f"),
        ("from math import floor as f\nassert f(1.5) == 1", "never calls f"),
        ("for f in [len]:\n    assert f('ab') == 2", "never calls f"),
        ("def check(f):\n    assert f(1) == 99\ncheck(lambda x: 99)", "never calls f"),
        ("def t():\n    f = lambda x: 99\n    assert f(1) == 99\nt()", "never calls f"),
        ("x = 1\nassert all(f == x for f in [1])", "never calls f"),
        ("assert all(f(i) == 99 for i in [])", "all of nothing"),
        ("assert all([f(i) == 99 for i in range(0)])", "all of nothing"),
        ("x = [f(i) for i in []]\nassert x == []", "never calls f"),
        ("x = 0\nfor i in ():\n    x = f(i)\nassert x == 0", "never calls f"),
    ] {
        let doubt = doubt(test, "f", "").unwrap_or_else(|| panic!("not doubted: {test}"));
        assert!(doubt.what.contains(what), "{test}: {}", doubt.what);
    }
    let found =
        doubt("assert f(1) == 99", "f", "def f(x):\n    return 99").expect("the setup takes its place");
    assert_eq!(found.what, "it never calls f");
}

/// Tests whose asserts are always true, or fail where nobody sees it.
#[test]
fn what_is_always_true_or_fails_unseen_is_doubted() {
    let case = "import unittest\nclass T(unittest.TestCase):\n    def test(self):\n        self.assertEqual(f(1), 99)\n";
    let body = "assert f(1) == 99";
    for (test, what) in [
        ("assert (x for x in [f(1) == 99])".to_owned(), "a generator"),
        (format!("async def t():\n    {body}\nt()"), "nobody sees it fail"),
        (format!("async def t():\n    {body}\nassert t()"), "a coroutine"),
        (format!("def t():\n    {body}\n    yield 1\nt()"), "nobody sees it fail"),
        (format!("{case}unittest.TextTestRunner().run(unittest.makeSuite(T))"), "nobody looks"),
        (
            format!(
                "{case}r = unittest.TextTestRunner().run(unittest.defaultTestLoader.loadTestsFromTestCase(T))"
            ),
            "asserts nothing",
        ),
        (format!("{case}unittest.main(exit=False)"), "nobody looks"),
        (
            format!(
                "import threading\ndef t():\n    {body}\nx = threading.Thread(target=t)\nx.start()\nx.join()"
            ),
            "nobody sees it fail",
        ),
        (
            format!(
                "from threading import Thread\nclass T(Thread):\n    def run(self):\n        {body}\nT().start()"
            ),
            "nobody sees it fail",
        ),
        (format!("import atexit\ndef t():\n    {body}\natexit.register(t)"), "nobody sees it fail"),
        (format!("def t():\n    {body}\npool.submit(t)"), "nobody sees it fail"),
        (format!("if 1 == 1:\n    f(1)\nelse:\n    {body}"), "never reached"),
        (format!("if not __debug__:\n    {body}"), "never reached"),
        ("assert f(1) == 99 if 0 else 1".to_owned(), "a constant"),
        ("assert 1 if 1 else f(1) == 99".to_owned(), "a constant"),
        ("assert 2 if f(1) == 99 else 1".to_owned(), "a constant"),
        ("assert f(1) == f(1)".to_owned(), "with itself"),
        ("assert f([1, 'a'], n=len('ab')) == f( [1, \"a\"], n=len('ab') )".to_owned(), "with itself"),
        ("assert len([f(1) == 99])".to_owned(), "a constant"),
        ("assert bool([f(1) == 99])".to_owned(), "a constant"),
        ("assert f(1) is not None or 1 == 1".to_owned(), "a constant"),
        ("assert f(1) == 99 or [f(2)]".to_owned(), "a constant"),
        ("f(1)\nassert -1 < 0 <= 2".to_owned(), "a constant"),
        ("f(1)\nassert 'a' != 'b' and not 0".to_owned(), "a constant"),
        ("assert f\"got {f(1)}\"".to_owned(), "never empty"),
        ("assert (x := [f(1)])".to_owned(), "a constant"),
        ("assert map(f, [1])".to_owned(), "an iterator"),
        ("assert f is not None".to_owned(), "the function itself"),
    ] {
        let doubt = doubt(&test, "f", "").unwrap_or_else(|| panic!("not doubted: {test}"));
        assert!(doubt.what.contains(what), "{test}: {}", doubt.what);
    }
}

/// What resembles a test that says nothing, and says something.
#[test]
fn neighbours_of_what_is_doubted_are_taken() {
    let case = "import unittest\nclass T(unittest.TestCase):\n    def test(self):\n        self.assertEqual(f(1), 99)\n";
    let body = "assert f(1) == 99";
    for test in [
        "assert not f(2)".to_owned(),
        "assert isinstance(f(1), list)".to_owned(),
        "assert f(1) is f(1)".to_owned(),
        "x = [1]\nassert f(x) == f(x)".to_owned(),
        "it = f(1)\nassert next(it) == next(it)".to_owned(),
        "assert f(1) == f(2)".to_owned(),
        // HumanEval has three such tests.
        "assert tuple(f(1)) == tuple(f(1))".to_owned(),
        "assert f(1) != f(1)".to_owned(),
        "import random\nrandom.seed(1)\na = f(1)\nrandom.seed(1)\nassert a == f(1)".to_owned(),
        "assert f\"{f(1)}\"".to_owned(),
        "assert len([x for x in f(1)])".to_owned(),
        "assert len([*f(1)])".to_owned(),
        "assert all(f(i) == 99 for i in [1, 2])".to_owned(),
        "assert all(f(i) == i for i in range(3))".to_owned(),
        "assert f(1) == 99 if f(0) else f(2)".to_owned(),
        "assert f(1) or f(2)".to_owned(),
        "assert f(1) is not None".to_owned(),
        "assert f(1) == 99, f(1)".to_owned(),
        "for x, y in [(1, 2), (3, 4)]:\n    assert f(x) == y".to_owned(),
        "def check(f, x):\n    assert f(x) == 99\ncheck(f, 1)".to_owned(),
        "def check(x):\n    from solution import f\n    assert f(x) == 99\ncheck(1)".to_owned(),
        "from program import f\nassert f(1) == 99".to_owned(),
        "import functools\nf = functools.lru_cache(f)\nassert f(1) == 99".to_owned(),
        "old = f\nf = lambda x: old(x)\nassert f(1) == 99".to_owned(),
        "def t():\n    global g\n    g = f(1)\nt()\nassert g == 99".to_owned(),
        "import pytest\nwith pytest.raises(ValueError, match='no'):\n    f(-1)".to_owned(),
        "try:\n    f(-1)\nexcept ValueError:\n    assert True\nelse:\n    assert False".to_owned(),
        "try:\n    f(-1)\nexcept ValueError:\n    pass\nelse:\n    assert 1 == 2".to_owned(),
        format!("import asyncio\nasync def t():\n    {body}\nasyncio.run(t())"),
        format!(
            "import asyncio\nasync def t():\n    {body}\nasync def main():\n    await t()\nx = main()\nasyncio.run(x)"
        ),
        format!("def t():\n    {body}\n    yield 1\nfor _ in t():\n    pass"),
        format!("def t():\n    {body}\n    yield 1\nlist(t())"),
        format!("{case}r = unittest.TextTestRunner().run(unittest.makeSuite(T))\nassert r.wasSuccessful()"),
        format!(
            "{case}r = unittest.TextTestRunner().run(unittest.makeSuite(T))\nif r.failures:\n    raise SystemExit(1)"
        ),
        format!("{case}unittest.defaultTestLoader.loadTestsFromTestCase(T).debug()"),
        format!("{case}T('test').test()"),
        format!("{case}assert unittest.main(exit=False).result.wasSuccessful()"),
        format!("{case}unittest.main()"),
        "import threading\nout = []\nt = threading.Thread(target=lambda: out.append(f(1)))\nt.start()\nt.join()\nassert out == [99]".to_owned(),
        format!("def t():\n    {body}\npool.submit(t).result()"),
        format!("if __debug__:\n    {body}"),
    ] {
        let found = doubt(&test, "f", "");
        assert!(found.is_none(), "{test}: {found:?}");
    }
    let found = doubt("assert f(1) == 99", "f", "g = f\ndef f(x):\n    return g(x)");
    assert!(found.is_none(), "the setup wraps the program: {found:?}");
    let found = doubt("assert Point(1) == Point(1)", "Point", "");
    assert!(found.is_none(), "its equality is its own: {found:?}");
    let found = doubt("assert len([1, 2]) == 2", "len", "");
    assert!(found.is_none(), "it is the program: {found:?}");
    let found = doubt("assert len([1])", "len", "");
    assert!(found.is_none(), "it is the program: {found:?}");
}

/// Real tests of real data sets: none may be doubted.
#[test]
fn no_test_of_a_public_data_set_is_doubted() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let (mut seen, mut doubted) = (0_usize, Vec::new());
    for name in [
        "mbpp",
        "mbpp_et_test500_rebuilt",
        "MbppPlus",
        "humaneval",
        "humaneval_et",
        "HumanEvalPlus",
        "ds1000",
    ] {
        let Ok(file) = std::fs::File::open(data.join(format!("{name}.jsonl.gz"))) else {
            println!("partly skipped: {name} is not in {}", data.display());
            continue;
        };
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).expect("text");
        for line in text.lines() {
            // Python's writer of JSON has numbers that JSON does not.
            let line = line.replace("Infinity", "0").replace("NaN", "0");
            let row: serde_json::Value = serde_json::from_str(&line).expect("JSON");
            let text = |field: &str| row[field].as_str().unwrap_or_default().to_owned();
            let setup = format!("{}\n{}", text("test_setup_code"), text("code_context"));
            let mut tests: Vec<String> = ["test_list", "challenge_test_list", "test_case_list"]
                .iter()
                .filter_map(|field| row[*field].as_array())
                .flatten()
                .filter_map(|test| test.as_str().map(ToOwned::to_owned))
                .collect();
            let name = row["entry_point"].as_str().map(ToOwned::to_owned);
            let entry = name
                .clone()
                .or_else(|| egcfg_python::entry_point(&tests.iter().map(String::as_str).collect::<Vec<_>>()));
            tests.extend(row["assertion"].as_str().map(ToOwned::to_owned));
            if let (Some(test), Some(name)) = (row["test"].as_str(), &name) {
                tests.push(format!("{test}\ncheck({name})\n"));
            }
            let entry = entry
                .or_else(|| egcfg_python::entry_point(&tests.iter().map(String::as_str).collect::<Vec<_>>()))
                .unwrap_or_else(|| "f".to_owned());
            for test in tests {
                seen += 1;
                if let Some(found) = doubt(&test, &entry, &setup) {
                    doubted.push(format!("{}: {test:.200}: {found}", row["task_id"]));
                }
            }
        }
    }
    println!("{seen} tests");
    assert!(
        doubted.is_empty(),
        "{} of {seen}:\n{}",
        doubted.len(),
        doubted[..doubted.len().min(40)].join("\n")
    );
}
