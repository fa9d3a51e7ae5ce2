//! A mistake in a data file is named by file, line and field.

use egcfg_bench::dataset::{Dataset, DatasetError, LoadOptions};

fn error(set: &str, name: &str, text: &str) -> DatasetError {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    Dataset::load(set, &path, &LoadOptions::default()).unwrap_err()
}

fn message(set: &str, name: &str, text: &str) -> String {
    let text = error(set, name, text).to_string();
    text.rsplit_once(&format!("/{name}")).map_or(text.clone(), |(_, rest)| format!("{name}{rest}"))
}

/// A set of the good records, and each fault with its place.
fn faults(set: &str, name: &str, text: &[u8]) -> (usize, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    let set = Dataset::load(set, &path, &LoadOptions { split: Some("all".into()), ..LoadOptions::default() });
    let set = set.unwrap();
    let place = format!("{}/", folder.path().display());
    let faults = set.faults.iter().map(|fault| fault.to_string().replace(&place, "")).collect();
    (set.items.len(), faults)
}

const GOOD: &str = r#"{"task_id": 1, "text": "t", "code": "def f(n): pass", "test_list": ["assert f(1)"]}"#;

#[test]
fn mistakes_are_named_by_file_line_and_field_and_cost_one_record() {
    let cases = [
        (r#"{"task_id": 2, "text": "t", "code": "x"}"#, "field `test_list`: is missing"),
        (
            r#"{"task_id": 2, "text": "t", "code": 5, "test_list": []}"#,
            "field `code`: invalid type: integer `5`, expected a string",
        ),
        (r#"{"task_id": 2, "text": "t", "code": "x", "test_list": []}"#, "field `test_list`: is empty"),
        (
            r#"{"task_id": [], "text": "t", "code": "def f(): 0", "test_list": ["assert f()"]}"#,
            "field `task_id`: expected a name or a number",
        ),
        (GOOD, "the task 1 stands in the file twice; the one at a.jsonl:1 counts"),
        (r#"{"task_id": 2, "text": "t""#, "not valid JSON at column 27"),
        ("5", "not a JSON object"),
    ];
    for (line, expected) in cases {
        let text = format!("{GOOD}\n\n{line}\n");
        assert_eq!(
            faults("mbpp", "a.jsonl", text.as_bytes()),
            (1, vec![format!("a.jsonl:3: {expected}")]),
            "{line}"
        );
    }
    assert_eq!(message("mbpp", "a.jsonl", "\n"), "a.jsonl holds no record");
    // Without a good record it is an error, and the first fault says why.
    let wrong_set = error("humaneval", "a.jsonl", &format!("{GOOD}\n{GOOD}\n"));
    assert!(wrong_set.hint().unwrap().contains("the data set that --dataset names"), "{wrong_set}");
    assert!(wrong_set.to_string().ends_with("is missing (and 1 more of its records cannot be used)"));
    let broken = message("mbpp", "a.parquet", "PAR1 and then nothing");
    assert!(broken.contains("a.parquet: "), "{broken}");
}

/// What other programs write into JSON Lines: none of it costs more than its own line, and most costs nothing.
#[test]
fn a_file_is_read_as_python_would_read_it() {
    let record = |id: &str, text: &str| {
        GOOD.replace("\"task_id\": 1", &format!("\"task_id\": {id}")).replace("\"t\"", &format!("\"{text}\""))
    };
    let lines = [
        b"\xef\xbb\xbf".to_vec(),
        record("1", "one").into_bytes(),
        b"\r\n\r\n".to_vec(),
        record("\"Mbpp/2\"", "cut \\ud83d").into_bytes(),
        b"\r\n".to_vec(),
        record("3, \"score\": NaN, \"loss\": -Infinity, \"huge\": 1e999", "three").into_bytes(),
        b"\n".to_vec(),
        record("4", "four").replace("four", "\u{2028}").into_bytes(),
        b"\n".to_vec(),
        record("5", "@").replace('@', "\u{1}").into_bytes(),
        b"\n".to_vec(),
        [record("6", "").as_bytes()[..20].to_vec(), b"\xff\"}".to_vec()].concat(),
        b"\n".to_vec(),
        record("7", "deep")
            .replace('{', &format!("{{\"x\": {}{}, ", "[".repeat(9000), "]".repeat(9000)))
            .into_bytes(),
        b"\n".to_vec(),
        record("8", "cut off").as_bytes()[..40].to_vec(),
    ]
    .concat();
    let (good, faults) = faults("mbpp", "a.jsonl", &lines);
    assert_eq!(good, 6, "{faults:?}");
    assert_eq!(
        faults,
        ["a.jsonl:7: not UTF-8 at byte 20 of the line", "a.jsonl:9: not valid JSON at column 41"]
    );
}

#[test]
fn one_wrong_task_of_several_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.jsonl");
    let good = |id: &str| format!("{{\"id\": {id}, \"prompt\": \"p\", \"tests\": [\"assert f(1) == 2\"]}}");
    let lines = [
        good("7"),
        good("\"x\""),
        good("7"),
        r#"{"prompt": "p", "test": ["assert f(1)"]}"#.to_owned(),
        r#"{"prompt": "p", "tests": ["assert f(1)", 5]}"#.to_owned(),
        r#"{"prompt": "p", "tests": ["assert f(1"]}"#.to_owned(),
        r#"{"prompt": "p", "io": [{"stdin": "1", "stdout": "2", "compare": "fuzzy"}]}"#.to_owned(),
        r#"{"prompt": "p", "io": [{"stdin": "1", "stdout": "2"}], "compare": "tokens", "tolerance": 1}"#
            .to_owned(),
        "5".to_owned(),
        r#"{"prompt": "p", "io": ["1"]}"#.to_owned(),
    ];
    std::fs::write(&path, format!("\u{feff}{}", lines.join("\r\n"))).unwrap();
    let list = egcfg_bench::dataset::read_tasks(&path).unwrap();
    let place = format!("{}:", path.display());
    let faults: Vec<String> = list.faults.iter().map(|fault| fault.to_string().replace(&place, "")).collect();
    assert_eq!(
        faults,
        [
            "3: the task 7 stands in the file twice; the one at 1 counts",
            "4: unknown field `test`, expected one of `id`, `task_id`, `prompt`, `entry_point`, `tests`, `io`, `compare`, `tolerance`, `ignore_case`, `hidden_tests`, `setup_code`, `header`, `solution`, `steps`, `vague`",
            "5: field `tests[1]`: invalid type: integer `5`, expected a string",
            "6: field `tests`: test 1: not valid Python: unexpected EOF while parsing: assert f(1",
            "7: field `io[0].compare`: 'fuzzy' is no rule (it is exact, tokens, numbers or codecontests)",
            "8: field `tolerance`: belongs to compare = \"numbers\", not to \"tokens\"",
            "9: invalid type: integer `5`, expected a task with its fields",
            "10: field `io[0]`: invalid type: string \"1\", expected a pair with the fields stdin and stdout",
        ]
    );
    let ids: Vec<String> = list.tasks().into_iter().map(|task| task.id).collect();
    assert_eq!(ids, ["7", "x"]);
    // As an array, the same.
    let path = folder.path().join("t.json");
    std::fs::write(&path, format!("[\n{},\n{}\n]\n", lines[0], lines[3])).unwrap();
    let list = egcfg_bench::dataset::read_tasks(&path).unwrap();
    assert_eq!((list.items.len(), list.faults.len()), (1, 1));
    assert!(list.faults[0].to_string().contains("t.json:3: unknown field `test`"), "{}", list.faults[0]);
    // One task over several lines is that task; a mistake in it is the file's error, with line and field.
    std::fs::write(&path, "\u{feff}{\n\"prompt\": \"p\",\n\"tests\": [\n\"assert f(1)\",\n5]\n}\n").unwrap();
    let error = egcfg_bench::dataset::read_tasks(&path).unwrap_err().to_string();
    assert!(
        error.ends_with("t.json:5: field `tests[1]`: invalid type: integer `5`, expected a string"),
        "{error}"
    );
    let path = folder.path().join("t.toml");
    std::fs::write(&path, "\u{feff}prompt = 'p'\ntests = ['assert f(1)', 5]\n").unwrap();
    let error = egcfg_bench::dataset::read_tasks(&path).unwrap_err().to_string();
    assert!(
        error.ends_with("t.toml:2: field `tests[1]`: invalid type: integer `5`, expected a string"),
        "{error}"
    );
}

/// A value that is found wrong once the whole file is read is told with its line.
#[test]
fn the_line_of_a_wrong_value_in_a_toml_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.toml");
    let tests = "tests = [\n  'assert f(1)',\n  'assert f(',\n]";
    let io = "[[io]]\nstdin = '1'\nstdout = '2'\n[[io]]\nstdout = '2'\n";
    for (text, place) in [
        ("\nprompt = ' '\ntests = ['assert f(1)']".to_owned(), ":2: field `prompt`: is empty"),
        ("prompt = 'p'\n\ntests = []".to_owned(), ":3: field `tests`: is empty"),
        ("prompt = 'p'".to_owned(), ": field `tests`: is empty"),
        (format!("prompt = 'p'\n{tests}"), ":4: field `tests`: test 2: not valid Python"),
        (
            format!("prompt = 'p'\ntests = ['assert f(1)']\nhidden_{tests}"),
            ":5: field `hidden_tests`: test 2:",
        ),
        (
            "prompt = 'p'\ntests = ['assert f(1)']\nentry_point = '0'".to_owned(),
            ":3: field `entry_point`: '0' is not a name",
        ),
        (
            "prompt = 'p'\ntests = ['assert f(1)']\ncompare = 'exact'".to_owned(),
            ":3: field `compare`: is for io pairs",
        ),
        (format!("prompt = 'p'\n\ncompare = 'fuzzy'\n{io}"), ":3: field `compare`: 'fuzzy' is no rule"),
        (format!("prompt = 'p'\ncompare = 'numbers'\ntolerance = -1\n{io}"), ":3: field `tolerance`: "),
        (format!("prompt = 'p'\ncompare = 'numbers'\ntolerance = nan\n{io}"), ":3: field `tolerance`: "),
        (format!("prompt = 'p'\ntolerance = 1\n{io}"), ":2: field `tolerance`: belongs to"),
        (format!("prompt = 'p'\nignore_case = true\n{io}"), ":2: field `ignore_case`: "),
        (format!("prompt = 'p'\n{io}compare = 'fuzzy'"), ":7: field `io[1].compare`: 'fuzzy' is no rule"),
        (format!("prompt = 'p'\ntests = ['assert f(1)']\n\n{io}"), ":4: field `io`: cannot stand together"),
    ] {
        std::fs::write(&path, &text).unwrap();
        let error = egcfg_bench::dataset::read_tasks(&path).unwrap_err().to_string();
        assert!(error.contains(&format!("t.toml{place}")), "{text}\n{error}");
    }
}

/// What stands behind a record is no part of it, and not passed over either.
#[test]
fn nothing_may_stand_behind_a_task() {
    let folder = tempfile::tempdir().unwrap();
    let good = r#"{"prompt": "p", "tests": ["assert f(1) == 1"]}"#;
    for (name, text, place) in [
        ("t.json", format!("\n{good} x\n"), "t.json:2:48: trailing characters"),
        ("t.json", format!("{good} {good}"), "t.json:1:48: trailing characters"),
        ("t.jsonl", format!("{good}]"), "t.jsonl:1:47: trailing characters"),
        ("t.json", format!("[{good}] x"), "t.json:1: the JSON array is broken"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, &text).unwrap();
        let said = match egcfg_bench::dataset::read_tasks(&path) {
            Err(error) => error.to_string(),
            Ok(list) => list.faults.iter().map(ToString::to_string).collect(),
        };
        assert!(said.contains(place), "{text}\n{said}");
    }
    let path = folder.path().join("t.json");
    std::fs::write(&path, format!("{good} \n\n")).unwrap();
    assert_eq!(egcfg_bench::dataset::read_tasks(&path).unwrap().items.len(), 1);
}

/// Row groups that unpack to more than a file of this size may hold, and special files, are refused by name.
#[test]
fn what_would_take_all_memory_or_never_end_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo.jsonl");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    for path in [fifo.as_path(), std::path::Path::new("/dev/zero"), folder.path()] {
        for set in ["mbpp", "humaneval"] {
            let error = Dataset::load(set, path, &LoadOptions::default()).unwrap_err();
            assert!(error.to_string().contains("not a regular file"), "{error}");
        }
    }
    assert!(egcfg_bench::dataset::read_tasks(&fifo).unwrap_err().to_string().contains("it is a FIFO"));
}

#[test]
fn layouts_are_checked_in_depth() {
    let contest = r#"{"name": "a", "description": "d", "public_tests": {"input": ["1"], "output": []}}"#;
    assert_eq!(
        message("codecontests", "c.jsonl", contest),
        "c.jsonl:1: field `public_tests`: 1 inputs and 0 outputs"
    );
    let context =
        r#"{"prompt": "p", "metadata": {"problem_id": 1, "library": "Numpy"}, "code_context": "x = 1"}"#;
    assert_eq!(
        message("ds1000", "d.jsonl", context),
        "d.jsonl:1: field `code_context`: defines no test_execution"
    );
    let plus = r#"{"task_id": "Mbpp/2", "prompt": "p", "entry_point": "f", "canonical_solution": "", "assertion": "assert f(", "base_input": [], "plus_input": []}"#;
    assert_eq!(message("mbpp+", "p.jsonl", plus), "p.jsonl:1: field `assertion`: not valid Python");
    let own = "{\"prompt\": \"p\", \"tests\": [\"assert f(1\"]}";
    assert!(
        message("tasks", "t.jsonl", own).starts_with("t.jsonl:1: field `tests`: test 1: not valid Python: ")
    );
}
