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

#[test]
fn mistakes_are_named_by_file_line_and_field() {
    let good = r#"{"task_id": 1, "text": "t", "code": "def f(n): pass", "test_list": ["assert f(1)"]}"#;
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
        (
            r#"{"task_id": 1, "text": "t", "code": "def f(n): pass", "test_list": ["assert f(1)"]}"#,
            "the task 1 stands in the file twice",
        ),
        (r#"{"task_id": 2, "text": "t""#, "not valid JSON at column 27"),
        ("5", "not a JSON object"),
    ];
    for (line, expected) in cases {
        let text = format!("{good}\n\n{line}\n");
        assert_eq!(message("mbpp", "a.jsonl", &text), format!("a.jsonl:3: {expected}"), "{line}");
    }
    assert_eq!(message("mbpp", "a.jsonl", "\n"), "a.jsonl holds no record");
    let wrong_set = error("humaneval", "a.jsonl", good);
    assert!(wrong_set.hint().unwrap().contains("the data set that --dataset names"), "{wrong_set}");
    let broken = message("mbpp", "a.parquet", "PAR1 and then nothing");
    assert!(broken.contains("failed to read") || cfg!(not(feature = "parquet")), "{broken}");
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
