//! DS-1000: a program is inserted into a data-science context, which makes the inputs, runs the program and compares
//! what it left. The context and the program share one process, so these verdicts are labelled as unproven.

use egcfg_files::{Fault, Record};
use egcfg_task::{Task, Test};
use serde::Deserialize;

use super::item::{Item, unix};

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    problem_id: Option<u64>,
    library: String,
}

/// Runs the context's own check on its first test case only.
const EXAMPLE: &str = "

def example_execution(program):
    global generate_test_case
    every_case = generate_test_case
    generate_test_case = lambda number: every_case(1)
    try:
        test_execution(program)
    finally:
        generate_test_case = every_case
";

/// A record of DS-1000.
pub(super) fn read(record: &Record) -> Result<Item, Fault> {
    let metadata: Metadata = record.required("metadata")?;
    let context = unix(&record.required::<String>("code_context")?);
    if !context.contains("def test_execution(") {
        return Err(record.wrong("code_context", "defines no test_execution"));
    }
    let id = match metadata.problem_id {
        Some(id) => id.to_string(),
        None => record.id("problem_id")?,
    };
    let mut graded = vec![Test::Assert("test_execution(PROGRAM)".to_owned())];
    if context.contains("def test_string(") {
        graded.push(Test::Assert("test_string(PROGRAM)".to_owned()));
    }
    let task = Task {
        id,
        prompt: unix(&record.required::<String>("prompt")?),
        entry_point: "test_execution".to_owned(),
        shown_tests: vec![Test::Assert("example_execution(PROGRAM)".to_owned())],
        graded_tests: graded,
        context: context + EXAMPLE,
        ..Task::default()
    };
    let reference: Option<String> = record.optional("reference_code")?;
    Ok(Item {
        task,
        reference: reference.map(|code| unix(&code)),
        library: Some(metadata.library),
        ..Item::default()
    })
}
