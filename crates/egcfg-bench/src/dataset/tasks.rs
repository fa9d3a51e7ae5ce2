//! A user's own tasks: one as TOML or JSON, or one a line as JSON Lines. A mistake is named with its file, line and field.

use std::path::Path;

use egcfg_task::{Compare, Form, Task, Test};
use serde::Deserialize;

use super::error::DatasetError;
use super::load::Item;
use super::source;

/// What a task consists of, for messages.
pub const FIELDS: &str = "a task has the fields prompt and tests (or io), and optionally id, entry_point, hidden_tests, setup_code, header";

/// A task as it is written in a file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TaskFile {
    #[serde(alias = "task_id")]
    id: Option<String>,
    prompt: String,
    entry_point: Option<String>,
    #[serde(default)]
    tests: Vec<String>,
    /// Input and expected output of stdin/stdout tasks.
    #[serde(default)]
    io: Vec<Io>,
    /// How output is compared in all pairs that do not say otherwise.
    compare: Option<String>,
    tolerance: Option<f64>,
    ignore_case: Option<bool>,
    /// Tests that decide the score beside the shown ones.
    #[serde(default)]
    hidden_tests: Vec<String>,
    #[serde(default)]
    setup_code: String,
    #[serde(default)]
    header: String,
    /// A reference solution, for `egcfg data verify`.
    solution: Option<String>,
    /// Facts about generated tasks; not used.
    #[serde(default, rename = "steps")]
    _steps: Option<u32>,
    #[serde(default, rename = "vague")]
    _vague: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Io {
    #[serde(default)]
    stdin: String,
    stdout: String,
    compare: Option<String>,
    tolerance: Option<f64>,
    ignore_case: Option<bool>,
}

/// Reads all tasks of a file; its ending tells the format.
pub fn read_tasks(path: &Path) -> Result<Vec<Task>, DatasetError> {
    Ok(load(path)?.0.into_iter().map(|item| item.task).collect())
}

/// All tasks of a file with their reference solutions, and the sha256 of its content.
pub(super) fn load(path: &Path) -> Result<(Vec<Item>, String), DatasetError> {
    let name = path.display().to_string();
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = file.split('.').next().unwrap_or("task").to_owned();
    let plain = file.trim_end_matches(".gz").trim_end_matches(".zst");
    let format = plain.rsplit_once('.').map_or("", |(_, ending)| ending);
    if !matches!(format, "toml" | "json" | "jsonl" | "parquet") {
        return Err(DatasetError::NotTasks(path.to_owned()));
    }
    let (text, sha256) = source::text(path)?;
    let items = match format {
        "toml" => {
            let file: TaskFile = toml::from_str(&text).map_err(|error| in_toml(&name, &text, &error))?;
            vec![resolve(file, &stem, &name)?]
        }
        "json" if !text.trim_start().starts_with('[') => {
            let file: TaskFile = serde_json::from_str(&text).map_err(|error| in_json(&name, 0, &error))?;
            vec![resolve(file, &stem, &name)?]
        }
        _ => lines(&name, &text)?,
    };
    Ok((items, sha256))
}

/// Reads one task a line; `name` is for messages, and for tasks without an id.
pub fn tasks_from_lines(name: &str, text: &str) -> Result<Vec<Task>, DatasetError> {
    Ok(lines(name, text)?.into_iter().map(|item| item.task).collect())
}

fn lines(name: &str, text: &str) -> Result<Vec<Item>, DatasetError> {
    let mut items = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let file: TaskFile = serde_json::from_str(line).map_err(|error| in_json(name, index, &error))?;
        let place = format!("{name}:{}", index + 1);
        items.push(resolve(file, &place, &place)?);
    }
    if items.is_empty() {
        return Err(DatasetError::Empty(name.into()));
    }
    Ok(items)
}

/// The task of a prompt and asserts; `id` is its id and names it in messages.
pub fn task_from_parts(
    id: &str,
    prompt: String,
    tests: Vec<String>,
    entry_point: Option<String>,
) -> Result<Task, DatasetError> {
    let file = TaskFile { prompt, entry_point, tests, ..TaskFile::default() };
    Ok(resolve(file, id, id)?.task)
}

fn resolve(file: TaskFile, id: &str, place: &str) -> Result<Item, DatasetError> {
    let at = |field: &str, reason: &str| DatasetError::Field {
        place: place.to_owned(),
        field: field.to_owned(),
        reason: reason.to_owned(),
    };
    if file.prompt.trim().is_empty() {
        return Err(at("prompt", "is empty"));
    }
    let form = if file.io.is_empty() { Form::Asserts } else { Form::Stdio };
    if form == Form::Stdio && !(file.tests.is_empty() && file.hidden_tests.is_empty()) {
        return Err(at("io", "cannot stand together with assert tests"));
    }
    if form == Form::Asserts && file.tests.is_empty() {
        return Err(at("tests", "is empty"));
    }
    for (field, tests) in [("tests", &file.tests), ("hidden_tests", &file.hidden_tests)] {
        for (index, test) in tests.iter().enumerate() {
            if let Err(fault) = egcfg_python::check(test, egcfg_python::PythonVersion::default()) {
                let reason = format!("test {}: not valid Python: {}: {test}", index + 1, fault.message);
                return Err(at(field, &reason));
            }
        }
    }
    let entry_point = match (file.entry_point, form) {
        (Some(name), _) if is_identifier(&name) => name,
        (Some(name), _) => return Err(at("entry_point", &format!("'{name}' is not a name"))),
        (None, Form::Stdio) => "solve".to_owned(),
        (None, Form::Asserts) => {
            let tests: Vec<&str> = file.tests.iter().map(String::as_str).collect();
            egcfg_python::entry_point(&tests)
                .ok_or_else(|| at("entry_point", "is missing, and no function name was found in the tests"))?
        }
    };
    let rule = Compare::from_fields(file.compare.as_deref(), file.tolerance, file.ignore_case);
    let all = rule.map_err(|(field, reason)| at(field, &reason))?;
    if form == Form::Asserts && file.compare.is_some() {
        return Err(at("compare", "is for io pairs, and this task has assert tests"));
    }
    let asserts = |tests: &[String]| tests.iter().cloned().map(Test::Assert).collect::<Vec<_>>();
    let shown_tests = match form {
        Form::Asserts => asserts(&file.tests),
        Form::Stdio => {
            let pairs = file.io.into_iter().enumerate();
            pairs
                .map(|(index, io)| pair(io, all, index).map_err(|(f, why)| at(&f, &why)))
                .collect::<Result<_, _>>()?
        }
    };
    let graded_tests = if file.hidden_tests.is_empty() {
        Vec::new()
    } else {
        shown_tests.iter().cloned().chain(asserts(&file.hidden_tests)).collect()
    };
    let task = Task {
        id: file.id.unwrap_or_else(|| id.to_owned()),
        prompt: file.prompt,
        entry_point,
        form,
        shown_tests,
        graded_tests,
        setup_code: file.setup_code,
        header: file.header,
        ..Task::default()
    };
    Ok(Item { task, reference: file.solution, ..Item::default() })
}

/// An input/output test; what it does not say about comparing, `all` says.
fn pair(io: Io, all: Compare, index: usize) -> Result<Test, (String, String)> {
    let compare = if io.compare.is_none() && io.tolerance.is_none() && io.ignore_case.is_none() {
        all
    } else {
        Compare::from_fields(io.compare.as_deref(), io.tolerance, io.ignore_case)
            .map_err(|(field, reason)| (format!("io[{index}].{field}"), reason))?
    };
    Ok(Test::Stdio { stdin: io.stdin, stdout: io.stdout, compare })
}

fn is_identifier(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && letters.all(|c| c.is_alphanumeric() || c == '_')
}

fn in_toml(name: &str, text: &str, error: &toml::de::Error) -> DatasetError {
    let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    let reason = error.message().lines().next().unwrap_or("not a task").to_owned();
    DatasetError::Task { place: format!("{name}:{line}"), reason }
}

fn in_json(name: &str, lines_before: usize, error: &serde_json::Error) -> DatasetError {
    let (line, column) = (lines_before + error.line().max(1), error.column());
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or(&text).to_owned();
    DatasetError::Task { place: format!("{name}:{line}:{column}"), reason }
}
