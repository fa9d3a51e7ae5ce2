//! Mistakes: each names what is wrong and what to do, under its documented exit code.

use crate::run::{egcfg, folder};

const TASK: &str = "prompt = 'double it'\ntests = ['assert f(2) == 4']\n";

#[test]
fn mistakes_are_named_with_a_hint() {
    let files = [
        ("typo.toml", "prompt = 'double it'\n\ntestz = ['assert f(2) == 4']\n"),
        ("type.json", "{\n  \"prompt\": \"double it\",\n  \"tests\": 5\n}\n"),
        ("line.jsonl", "\n{\"prompt\": \"b\", \"tests\": [}\n"),
        ("python.toml", "prompt = 'double it'\ntests = ['assert f(2) == 4', 'assert f(2 == 4']\n"),
        ("empty.toml", "prompt = 'double it'\n"),
        ("task.toml", TASK),
        ("task.yaml", TASK),
        ("p.py", "def f(x):\n    return 2 * x\n"),
        ("template.toml", "name = 'mine'\nuser = 'no place for runs'\n"),
        ("broken.gguf", "this is no model"),
    ];
    let folder = folder(&files);
    let fields = "hint: a task has the fields prompt and tests (or io), and optionally id, entry_point, hidden_tests, setup_code, header, solution, compare, tolerance, ignore_case\n";
    let cases: &[(&[&str], i32, &[&str])] = &[
        (&["solve"], 2, &["error: no task given\nhint: name a task file, or give --prompt and --test\n"]),
        (
            &["solve", "--prompt", "x"],
            2,
            &["error: --prompt needs at least one --test\nhint: such as --test 'assert f(2) == 4'\n"],
        ),
        (&["solve", "missing.toml"], 3, &["error: failed to read missing.toml: No such file or directory"]),
        (&["solve", "typo.toml"], 3, &["error: typo.toml:3: unknown field `testz`, expected", fields]),
        (
            &["solve", "type.json"],
            3,
            &["error: type.json:3: field `tests`: invalid type: integer `5`, expected a sequence\n", fields],
        ),
        (&["solve", "line.jsonl"], 3, &["error: line.jsonl:2:27: ", "expected value\n"]),
        (
            &["solve", "python.toml"],
            3,
            &["error: python.toml:2: field `tests`: test 2: not valid Python: ", ": assert f(2 == 4\n"],
        ),
        (
            &["solve", "empty.toml"],
            3,
            &["error: empty.toml: field `tests`: is empty\nhint: guidance needs at least one test"],
        ),
        (
            &["judge", "p.py", "--test", "assert f(2) == 4", "--entry-point", "0"],
            3,
            &["error: command line: field `entry_point`: '0' is not a name\n"],
        ),
        (
            &["solve", "--prompt", "p", "--test", "assert f(2) == 4", "--entry-point", "0"],
            3,
            &["error: command line: field `entry_point`: '0' is not a name\n"],
        ),
        (
            &["solve", "task.yaml"],
            3,
            &["error: task.yaml is not a task file\nhint: task files end in .toml, .json or .jsonl\n"],
        ),
        (
            &["solve", "task.toml", "--config", "ns3"],
            2,
            &[
                "error: invalid value 'ns3' for '--config <NAME>': expected 't' and the temperature at the end; names look like",
            ],
        ),
        (
            &["solve", "task.toml", "-d", "0"],
            2,
            &[
                "error: invalid value '0' for '--horizon <D>': expected a number of lines from 1 on, or 'inf'\n",
            ],
        ),
        (
            &["solve", "task.toml", "--gamma", "0,-1"],
            2,
            &["error: invalid value '-1' for '--gamma <GAMMAS>': expected a number from 0 to 100\n"],
        ),
        (
            &["solve", "task.toml", "-t", "0"],
            2,
            &[
                "error: invalid value '0' for '--temperature <T>': expected a number above 0 and at most 100\n",
            ],
        ),
        (
            &["solve", "task.toml", "--template", "template.toml"],
            3,
            &["error: template template.toml: 'user' must contain {{ signal }} once"],
        ),
        (
            &["solve", "task.toml", "--model", "none.gguf"],
            4,
            &["error: failed to load model none.gguf: ", "\nhint: --model takes 'pocket'"],
        ),
        (
            &["solve", "task.toml", "--model", "broken.gguf"],
            4,
            &["error: failed to load model broken.gguf: "],
        ),
        (
            &["solve", "task.toml", "--python", "/nowhere/python3"],
            5,
            &["error: /nowhere/python3: not a usable Python interpreter", "\nhint: "],
        ),
        (
            &["solve", "task.toml", "--context", "20"],
            4,
            &["tokens but the context holds 20\nhint: shorten the prompt"],
        ),
        (&["judge", "task.toml"], 2, &["error: no test given\nhint: "]),
    ];
    for (args, code, expected) in cases {
        let ran = egcfg(folder.path(), args);
        assert_eq!(ran.code, Some(*code), "{args:?}: {}", ran.stderr);
        assert_eq!(ran.stdout, "", "{args:?}");
        for part in *expected {
            assert!(ran.stderr.contains(part), "{args:?}:\n{}\nlacks\n{part}", ran.stderr);
        }
        assert!(!ran.stderr.contains("panicked"), "{args:?}: {}", ran.stderr);
    }
}

#[test]
fn help_teaches() {
    let folder = folder(&[]);
    let ran = egcfg(folder.path(), &["--help"]);
    assert_eq!(ran.code, Some(0));
    for word in ["solve", "trace", "judge", "compare", "demo", "doctor", "Exit codes: 0 solved, 1 unsolved"] {
        assert!(ran.stdout.contains(word), "{word}");
    }
    let ran = egcfg(folder.path(), &["solve", "--help"]);
    for word in
        ["Examples:", "-s, --candidates", "-d, --horizon", "--stop-on-pass", "EGCFG_MODEL", "--events"]
    {
        assert!(ran.stdout.contains(word), "{word}\n{}", ran.stdout);
    }
}
