//! HumanEval and HumanEval-ET: completions of a given header. The docstring's examples are shown; the hidden
//! `check(candidate)` decides, taken apart into its asserts where it consists of nothing else.

use egcfg_files::{Fault, Record};
use egcfg_python::{check_asserts, doctest_examples};
use egcfg_task::{Task, Test};

use super::item::{Item, unix};
use super::mbpp::asserts;

/// A record of HumanEval.
pub(super) fn read(record: &Record) -> Result<Item, Fault> {
    let mut item = without_grading(record)?;
    item.task.graded_tests = check(&unix(&record.required::<String>("test")?), &item.task.entry_point);
    Ok(item)
}

/// A record of HumanEval-ET.
pub(super) fn read_et(record: &Record) -> Result<Item, Fault> {
    let mut item = without_grading(record)?;
    item.task.graded_tests = asserts(record.required("test_case_list")?);
    Ok(item)
}

/// Everything but the deciding tests.
pub(super) fn without_grading(record: &Record) -> Result<Item, Fault> {
    let header = unix(&record.required::<String>("prompt")?);
    let entry_point: String = record.required("entry_point")?;
    let solution: String = record.required("canonical_solution")?;
    let shown = doctest_examples(&header, &entry_point);
    let task = Task {
        id: record.id("task_id")?,
        prompt: docstring(&header, &entry_point).unwrap_or(&header).trim().to_owned(),
        shown_tests: shown.iter().map(|example| Test::Assert(example.to_assert())).collect(),
        entry_point,
        header: header.clone(),
        ..Task::default()
    };
    Ok(Item { task, reference: Some(header + &unix(&solution)), ..Item::default() })
}

/// The deciding tests of a `check(candidate)`: one per assert where that is all it does, which is equivalent because a
/// program passes when all of them hold; else the whole of it as one test.
fn check(test: &str, entry_point: &str) -> Vec<Test> {
    match check_asserts(test, "check") {
        Some(parts) if !parts.is_empty() => parts.into_iter().map(Test::Assert).collect(),
        _ => vec![Test::Assert(format!("{}\n\ncheck({entry_point})\n", test.trim_end()))],
    }
}

/// The docstring of the function in a header.
fn docstring<'a>(header: &'a str, entry_point: &str) -> Option<&'a str> {
    let function = &header[header.rfind(&format!("def {entry_point}("))?..];
    let (at, quotes) = ["\"\"\"", "'''"].iter().filter_map(|q| Some((function.find(q)?, *q))).min()?;
    let text = &function[at + quotes.len()..];
    Some(&text[..text.find(quotes)?])
}
