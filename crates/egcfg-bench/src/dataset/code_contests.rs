//! CodeContests: programs read standard input and print, everything inside `solve()`. The first three public tests are
//! shown; private and generated ones decide. Read are the official layout (`public_tests` and its siblings, each two
//! lists) and a list of `{input: {stdin}, output: {stdout}}` in one field.

use egcfg_files::{Fault, Record};
use egcfg_task::{Compare, Form, Task, Test};
use serde::Deserialize;
use serde_json::Value;

use super::item::{Item, unix};

/// Public tests that may be shown.
const SHOWN: usize = 3;
/// The number of Python 3 among the languages of the official solutions.
const PYTHON3: u64 = 3;

#[derive(Deserialize, Default)]
struct Pairs {
    #[serde(default)]
    input: Vec<String>,
    #[serde(default)]
    output: Vec<String>,
}

#[derive(Deserialize)]
struct Listed {
    input: Input,
    output: Output,
}

#[derive(Deserialize)]
struct Input {
    stdin: String,
}

#[derive(Deserialize)]
struct Output {
    stdout: String,
}

#[derive(Deserialize, Default)]
struct Solutions {
    #[serde(default)]
    language: Vec<Value>,
    #[serde(default)]
    solution: Vec<String>,
}

/// A record of CodeContests.
pub(super) fn read(record: &Record) -> Result<Item, Fault> {
    let prompt = unix(&record.either::<String>(&["description", "content", "prompt"])?);
    let id = match record.optional::<String>("name")? {
        Some(name) if !name.is_empty() => name,
        _ => record.id(if record.raw("task_id").is_some() { "task_id" } else { "id" })?,
    };
    let mut task = Task { id, prompt, entry_point: "solve".to_owned(), form: Form::Stdio, ..Task::default() };
    if record.raw("public_tests").is_some() {
        let public = pairs(record, "public_tests")?;
        let hidden = [pairs(record, "private_tests")?, pairs(record, "generated_tests")?].concat();
        // A problem without hidden tests is decided by all of its public ones.
        task.graded_tests = if hidden.is_empty() { public.clone() } else { hidden };
        task.shown_tests = public.into_iter().take(SHOWN).collect();
    } else if record.raw("test").is_some_and(|text| text.trim_matches('"').trim() != "") {
        let tests = listed(record)?;
        // Here nothing says which tests are public; the first ones are the statement's examples.
        task.shown_tests = tests.iter().take(SHOWN).cloned().collect();
        let rest: Vec<Test> = tests.iter().skip(SHOWN).cloned().collect();
        task.graded_tests = if rest.is_empty() { tests } else { rest };
    }
    let split = None;
    Ok(Item { reference: solution(record)?, task, split, ..Item::default() })
}

fn pairs(record: &Record, field: &str) -> Result<Vec<Test>, Fault> {
    let pairs: Pairs = record.optional(field)?.unwrap_or_default();
    if pairs.input.len() != pairs.output.len() {
        let (inputs, outputs) = (pairs.input.len(), pairs.output.len());
        return Err(record.wrong(field, format!("{inputs} inputs and {outputs} outputs")));
    }
    let tests = pairs.input.into_iter().zip(pairs.output);
    Ok(tests.map(|(stdin, stdout)| Test::Stdio { stdin, stdout, compare: Compare::Codecontests }).collect())
}

fn listed(record: &Record) -> Result<Vec<Test>, Fault> {
    // The list itself, or a string that holds it.
    let listed: Vec<Listed> = match record.required::<Value>("test")? {
        Value::String(text) => {
            serde_json::from_str(&text).map_err(|error| record.wrong("test", error.to_string()))?
        }
        value => serde_json::from_value(value).map_err(|error| record.wrong("test", error.to_string()))?,
    };
    let test = |item: Listed| Test::Stdio {
        stdin: item.input.stdin,
        stdout: item.output.stdout,
        compare: Compare::Codecontests,
    };
    Ok(listed.into_iter().map(test).collect())
}

/// The first accepted Python 3 solution.
fn solution(record: &Record) -> Result<Option<String>, Fault> {
    if let Some(text) = record.optional::<String>("canonical_solution")? {
        return Ok((!text.trim().is_empty()).then_some(text));
    }
    let all: Solutions = record.optional("solutions")?.unwrap_or_default();
    let is_python = |language: &Value| language.as_u64() == Some(PYTHON3) || language == "PYTHON3";
    let found = all.language.iter().zip(all.solution).find(|(language, _)| is_python(language));
    Ok(found.map(|(_, solution)| unix(&solution)))
}
