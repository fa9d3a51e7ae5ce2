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
        ("if __name__ == '__main__':\n    assert f(1) == 2", "never reached"),
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
