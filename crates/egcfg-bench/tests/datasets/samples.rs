//! Samples in every form that others write them in, and with every mistake: one costs itself and no other.

use std::path::{Path, PathBuf};

use egcfg_bench::dataset::Dataset;
use egcfg_bench::eval::{SampleError, Samples};
use serde_json::json;

use crate::load;

const RIGHT: &str = "def double_all(items):\n    return [2 * n for n in items]\n";

fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path
}

fn read(path: &Path, set: &Dataset, extract: bool) -> Result<Samples, SampleError> {
    Samples::read(path, set, extract)
}

/// Programs in order, and faults without the folder's name.
fn found(path: &Path, set: &Dataset) -> (Vec<String>, Vec<String>) {
    let samples = read(path, set, false).unwrap();
    let folder = format!("{}/", path.parent().unwrap().display());
    let programs = samples.samples.into_iter().map(|sample| sample.program).collect();
    let faults = samples.faults.iter().map(|fault| fault.to_string().replace(&folder, "")).collect();
    (programs, faults)
}

#[test]
fn one_odd_line_is_one_fault() {
    let folder = tempfile::tempdir().unwrap();
    let set = load("mbpp", "mbpp.jsonl");
    let lines = [
        "\u{feff}{\"task_id\": 11, \"completion\": \"a\"}\r".to_owned(),
        String::new(),
        r#"{"task_id": "11", "solution": "b\ud83d", "logprob": NaN}"#.to_owned(),
        r#"{"task_id": 11, "solution": "", "completion": "c"}"#.to_owned(),
        r#"{"task_id": 11, "solution": "d", "completion": "x"}"#.to_owned(),
        r#"{"task_id": 11, "solution": null, "completion": ["e", null, "f"]}"#.to_owned(),
        r#"{"task_id": 11, "solution": null}"#.to_owned(),
        r#"{"task_id": 11, "completion": 5}"#.to_owned(),
        r#"{"task_id": 11, "completion": []}"#.to_owned(),
        r#"{"task_id": 11}"#.to_owned(),
        r#"{"task_id": [], "completion": "x"}"#.to_owned(),
        r#"{"completion": "x"}"#.to_owned(),
        r#"{"task_id": 11, "completion": "g", "completion": "h"}"#.to_owned(),
        r#"{"task_id": 11, "completion": ""}"#.to_owned(),
        format!(r#"{{"deep": {}{}, "task_id": 11, "completion": "i"}}"#, "[".repeat(9000), "]".repeat(9000)),
        r#"{"task_id": 11, "completion": "cut"#.to_owned(),
    ];
    let (programs, faults) = found(&write(folder.path(), "s.jsonl", lines.join("\n")), &set);
    assert_eq!(programs, ["a", "b\u{fffd}", "c", "d", "e", "f", "h", "", "i"]);
    assert_eq!(
        faults,
        [
            "s.jsonl:6: field `completion`: expected a text or a list of texts",
            "s.jsonl:7: field `solution`: is null: no program for 11",
            "s.jsonl:8: field `completion`: expected a text or a list of texts",
            "s.jsonl:9: field `completion`: holds no program",
            "s.jsonl:10: field `completion` or `solution` is missing",
            "s.jsonl:11: field `task_id`: expected a name or a number",
            "s.jsonl:12: field `task_id`: is missing",
            "s.jsonl:16: not valid JSON at column 31",
        ]
    );
    // The same lines as an array.
    let array = format!("[{}]", [&lines[2], &lines[6], &lines[3]].map(String::as_str).join(",\n"));
    let (programs, faults) = found(&write(folder.path(), "s.json", array), &set);
    assert_eq!(programs, ["b\u{fffd}", "c"]);
    assert_eq!(faults, ["s.json:2: field `solution`: is null: no program for 11"]);
    // No sample at all is an error that names the first fault.
    let only =
        read(&write(folder.path(), "o.jsonl", lines[9].as_str()), &set, false).unwrap_err().to_string();
    assert!(only.ends_with("o.jsonl:1: field `completion` or `solution` is missing"), "{only}");
    let other = read(&write(folder.path(), "x.jsonl", r#"{"task_id": 7, "solution": ""}"#), &set, false);
    assert!(other.unwrap_err().to_string().ends_with("x.jsonl is of a task of mbpp"));
    let utf16 = read(&write(folder.path(), "u.jsonl", b"\xff\xfe{\0"), &set, false).unwrap_err().to_string();
    assert!(utf16.contains("it is UTF-16 text"), "{utf16}");
}

#[test]
fn ids_and_fields_as_other_programs_leave_them() {
    let folder = tempfile::tempdir().unwrap();
    let lines = [
        r#"{"task_id": 11.0, "completion": "a"}"#,
        r#"{"task_id": "Mbpp_11", "completion": "b"}"#,
        r#"{"task_id": 11, "solution": " \n\t", "completion": "c"}"#,
        r#"{"task_id": 11, "solution": [" ", [""]], "completion": ["d"]}"#,
        r#"{"task_id": "other_11", "completion": "x"}"#,
        r#"{"task_id": 11.5, "completion": "x"}"#,
    ];
    let (set, path) = (load("mbpp", "mbpp.jsonl"), write(folder.path(), "s.jsonl", lines.join("\n")));
    let samples = read(&path, &set, false).unwrap();
    let programs: Vec<&str> = samples.samples.iter().map(|sample| sample.program.as_str()).collect();
    assert_eq!(programs, ["a", "b", "c", "d"]);
    assert_eq!(samples.foreign, ["other_11", "11.5"]);
}

/// What a broken download or a careless `cat` leaves: the whole lines count.
#[test]
fn a_packed_file_that_breaks_off_loses_its_end_only() {
    use std::io::Write as _;

    let folder = tempfile::tempdir().unwrap();
    let set = load("mbpp", "mbpp.jsonl");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    // Noise, so that the packed text is long enough to be cut somewhere.
    let noise: String =
        (0..40_000u32).map(|n| char::from(b'a' + (n.wrapping_mul(n) % 9973 % 26) as u8)).collect();
    for program in ["a", "b", &noise, "c"] {
        writeln!(packed, "{}", json!({"task_id": 11, "completion": program})).unwrap();
    }
    let packed = packed.finish().unwrap();
    let cut = write(folder.path(), "cut.jsonl.gz", &packed[..packed.len() / 2]);
    let (programs, faults) = found(&cut, &set);
    assert_eq!(programs, ["a", "b"]);
    assert_eq!(faults, ["cut.jsonl.gz: the packed data ends too early; nothing behind it is read"]);
    let (programs, faults) =
        found(&write(folder.path(), "tail.jsonl.gz", [&packed[..], b"garbage, much of it"].concat()), &set);
    assert_eq!(programs, ["a", "b", noise.as_str(), "c"]);
    assert_eq!(faults.len(), 1);
    assert!(faults[0].contains("packed data is broken"), "{faults:?}");
    // One that holds nothing whole is no file of samples.
    let none =
        read(&write(folder.path(), "none.jsonl.gz", &packed[..20]), &set, false).unwrap_err().to_string();
    assert!(none.contains("the packed data ends too early"), "{none}");
}

#[test]
fn logs_of_other_harnesses_are_samples() {
    let folder = tempfile::tempdir().unwrap();
    let set = load("humaneval", "humaneval.jsonl.gz");
    let header = &set.items[0].task.header;
    let whole = format!("{header}    return max(items)\n");
    // lm-evaluation-harness: the filter may or may not have put the header in front.
    let lines = [
        json!({"doc_id": 0, "doc": {"task_id": "HumanEval/0", "prompt": header}, "resps": [["    return 1\n"]], "filtered_resps": [[whole]]}),
        json!({"doc_id": 0, "doc": {"task_id": "HumanEval/0"}, "resps": [["    return max(items)\n", "    return 2\n"]]}),
        json!({"doc_id": 1, "doc": {"question": "q"}, "resps": [["x"]]}),
    ];
    let text = lines.map(|line| line.to_string() + "\n").concat();
    let (programs, faults) = found(&write(folder.path(), "samples_humaneval.jsonl", text), &set);
    assert_eq!(programs, [whole.clone(), whole.clone(), format!("{header}    return 2\n")]);
    assert_eq!(faults, ["samples_humaneval.jsonl:3: field `doc.task_id`: is missing"]);
    // EvalPlus's results, over several lines.
    let results = json!({"date": "x", "eval": {"HumanEval/0": [{"solution": whole, "base_status": "pass"}, {"base_status": "fail"}]}});
    let text = serde_json::to_string_pretty(&results).unwrap();
    let (programs, faults) = found(&write(folder.path(), "eval_results.json", text), &set);
    assert_eq!((programs, faults.len()), (vec![whole.clone()], 1));
    // Its folders of programs, one with a byte order mark, one in latin-1.
    let root = folder.path().join("model_temp_0.0");
    write(&root, "HumanEval_0/0.py", format!("\u{feff}{whole}"));
    write(&root, "HumanEval_0/1.py", b"# coding: latin-1\nx = '\xe9'\n");
    write(&root, "HumanEval_1/0.py", b"x = '\xe9'\n");
    let samples = read(&root, &set, false).unwrap();
    let programs: Vec<&str> = samples.samples.iter().map(|sample| sample.program.as_str()).collect();
    assert_eq!(programs, [&whole, "# coding: latin-1\nx = 'é'\n"]);
    assert_eq!(samples.faults.len(), 1, "{:?}", samples.faults);
    assert!(samples.faults[0].reason.starts_with("not UTF-8 at byte 5"), "{}", samples.faults[0]);
}

#[test]
fn a_folder_holds_anything() {
    let folder = tempfile::tempdir().unwrap();
    let set = load("mbpp", "mbpp.jsonl");
    let root = folder.path().join("results");
    let unit = |name: &str, text: &str| {
        write(&root, &format!("mbpp/model/ns2_ln/task_id={name}_gamma=0.5.json"), text)
    };
    unit("11", &json!({"code": RIGHT}).to_string());
    unit("12", r#"{"code": null, "general_error": "CUDA out of memory\nTraceback"}"#);
    unit("3", r#"{"code": null}"#);
    unit("600", r#"{"code": "x = 1\ud83d", "score": NaN}"#);
    unit("77", r#"{"code": "#);
    unit("78", "");
    // Copies, as a file manager leaves them.
    for copy in ["11_gamma=0.50", "11_gamma=0.5 (1)"] {
        let text = json!({"code": RIGHT}).to_string();
        write(&root, &format!("mbpp/model/ns2_ln/task_id={copy}.json"), text);
    }
    let special = |name: &str| root.join(format!("mbpp/model/ns2_ln/task_id={name}_gamma=1.0.json"));
    assert!(std::process::Command::new("mkfifo").arg(special("11")).status().unwrap().success());
    std::os::unix::fs::symlink("/dev/zero", special("12")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", root.join("mbpp/model/p.py")).unwrap();
    let samples = read(&root, &set, false).unwrap();
    let programs: Vec<&str> = samples.samples.iter().map(|sample| sample.program.as_str()).collect();
    assert_eq!(programs, [RIGHT, "x = 1\u{fffd}"]);
    let mut reasons: Vec<&str> = samples.faults.iter().map(|fault| fault.reason.as_str()).collect();
    reasons.sort_unstable();
    assert_eq!(
        reasons,
        [
            "a second file of one result of 11",
            "field `code`: is missing or null: no program was written",
            "holds no program: CUDA out of memory",
            "it is a FIFO, not a regular file",
            "it is a link, not a regular file",
            "it is a link, not a regular file",
            "its name does not end in _gamma=<number>.json",
            "not a JSON object",
            "not valid JSON at column 9",
        ]
    );
}

#[test]
fn the_program_is_taken_out_of_an_answer_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let set = load("humaneval", "humaneval.jsonl.gz");
    let header = set.items[0].task.header.clone();
    let function = "def largest(items):\n    return max(items)\n";
    let body = "    return max(items)\n";
    let answers = [
        ("solution", format!("Here:\n\n```python\n{function}```\nDone."), function.to_owned()),
        ("completion", format!("```python\n{function}```\n"), function.to_owned()),
        ("completion", format!("```\n{body}```\n"), format!("{header}{body}")),
        ("completion", body.to_owned(), format!("{header}{body}")),
        ("solution", function.to_owned(), function.to_owned()),
        ("solution", format!("<think>def largest(x): ...</think>\n{function}"), function.to_owned()),
        ("solution", format!("I would write\n\n{function}\nwhich is short."), function.to_owned()),
        ("completion", "I cannot.".to_owned(), format!("{header}I cannot.")),
    ];
    let lines = answers.iter().map(|(field, given, _)| {
        let mut line = json!({"task_id": "HumanEval/0"});
        line[*field] = given.as_str().into();
        line.to_string() + "\n"
    });
    let path = write(folder.path(), "s.jsonl", lines.collect::<String>());
    let samples = read(&path, &set, true).unwrap();
    for (sample, (_, given, program)) in samples.samples.iter().zip(&answers) {
        assert_eq!(&sample.program, program, "{given}");
        assert_eq!(&sample.given, given);
    }
    // Unasked, nothing is touched.
    let samples = read(&path, &set, false).unwrap();
    assert_eq!(samples.samples[0].program, answers[0].1);
    assert_eq!(samples.samples.iter().filter(|sample| sample.has_fence()).count(), 3);
}

#[test]
fn a_completion_may_be_the_whole_function_with_words_around_it() {
    let folder = tempfile::tempdir().unwrap();
    let set = load("humaneval", "humaneval.jsonl.gz");
    let task = &set.items[0].task;
    let (header, name) = (&task.header, &task.entry_point);
    let function = format!("def {name}(*args):\n    return args\n");
    let told = "\nThis works because it does (mostly).\n";
    let lines = [
        format!("{function}{told}"),
        format!("{header}    return 7\n{told}"),
        format!("{function}<|endoftext|>"),
        format!("Here is the function:\n\n{function}"),
        "    return 7\n".to_owned(),
        "    return (7\n".to_owned(),
    ]
    .map(|text| json!({"task_id": task.id, "completion": text}).to_string());
    let samples = read(&write(folder.path(), "s.jsonl", lines.join("\n")), &set, true).unwrap();
    let programs: Vec<&str> = samples.samples.iter().map(|sample| sample.program.as_str()).collect();
    assert_eq!([programs[0], programs[2], programs[3]], [function.as_str(); 3]);
    assert!(
        programs[1].ends_with("    return 7\n") && egcfg_python::defines(programs[1], name),
        "{}",
        programs[1]
    );
    assert_eq!(programs[4], format!("{header}    return 7\n"));
    assert_eq!(programs[5], format!("{header}    return (7\n"));
}
