//! Task files: one task as TOML or JSON, or one task a line as JSON Lines. A mistake is named with its file, line and
//! field.

use std::path::Path;

use egcfg_task::{Form, Task, Test};
use serde::Deserialize;

use crate::exit::Failure;

/// A task as it is written in a file.
#[derive(Debug, Deserialize)]
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
    /// Tests that decide the score beside the shown ones.
    #[serde(default)]
    hidden_tests: Vec<String>,
    #[serde(default)]
    setup_code: String,
    #[serde(default)]
    header: String,
    /// A reference solution and facts about generated tasks; not used.
    #[serde(default, rename = "solution")]
    _solution: Option<String>,
    #[serde(default, rename = "steps")]
    _steps: Option<u32>,
    #[serde(default, rename = "vague")]
    _vague: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Io {
    stdin: String,
    stdout: String,
}

/// Reads all tasks of a file; its ending tells the format.
pub(crate) fn read(path: &Path) -> Result<Vec<Task>, Failure> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::input(format!("failed to read {name}: {error}")))?;
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or("");
    let stem = path.file_stem().map_or_else(|| "task".to_owned(), |stem| stem.to_string_lossy().into_owned());
    match ending {
        "toml" => {
            let file: TaskFile = toml::from_str(&text).map_err(|error| in_toml(&name, &text, &error))?;
            Ok(vec![resolve(file, &stem, &name)?])
        }
        "json" => {
            let file: TaskFile = serde_json::from_str(&text).map_err(|error| in_json(&name, 0, &error))?;
            Ok(vec![resolve(file, &stem, &name)?])
        }
        "jsonl" => parse_lines(&name, &text),
        _ => Err(Failure::input(format!("{name} is not a task file"))
            .hint("task files end in .toml, .json or .jsonl")),
    }
}

/// Reads one task a line; `name` is for messages, and for tasks without an id.
pub(crate) fn parse_lines(name: &str, text: &str) -> Result<Vec<Task>, Failure> {
    let mut tasks = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let file: TaskFile = serde_json::from_str(line).map_err(|error| in_json(name, index, &error))?;
        let place = format!("{name}:{}", index + 1);
        tasks.push(resolve(file, &place, &place)?);
    }
    if tasks.is_empty() {
        return Err(Failure::input(format!("{name} holds no task")));
    }
    Ok(tasks)
}

/// The task of `--prompt` and `--test`.
pub(crate) fn from_flags(
    prompt: String,
    tests: Vec<String>,
    entry_point: Option<String>,
) -> Result<Task, Failure> {
    let file = TaskFile {
        id: Some("command line".into()),
        prompt,
        entry_point,
        tests,
        io: Vec::new(),
        hidden_tests: Vec::new(),
        setup_code: String::new(),
        header: String::new(),
        _solution: None,
        _steps: None,
        _vague: None,
    };
    resolve(file, "command line", "command line")
}

fn resolve(file: TaskFile, id: &str, place: &str) -> Result<Task, Failure> {
    let at = |message: &str| Failure::input(format!("{place}: {message}"));
    if file.prompt.trim().is_empty() {
        return Err(at("field `prompt` is empty"));
    }
    let form = if file.io.is_empty() { Form::Asserts } else { Form::Stdio };
    if form == Form::Stdio && !(file.tests.is_empty() && file.hidden_tests.is_empty()) {
        return Err(at("field `io` and assert tests cannot stand together"));
    }
    if form == Form::Asserts && file.tests.is_empty() {
        return Err(at("field `tests` is empty")
            .hint("guidance needs at least one test, such as \"assert f(2) == 4\""));
    }
    for (field, tests) in [("tests", &file.tests), ("hidden_tests", &file.hidden_tests)] {
        for (index, test) in tests.iter().enumerate() {
            if let Err(fault) = egcfg_python::check(test, egcfg_python::PythonVersion::default()) {
                return Err(at(&format!(
                    "field `{field}`, test {}: not valid Python: {}: {test}",
                    index + 1,
                    fault.message
                )));
            }
        }
    }
    let entry_point = match (file.entry_point, form) {
        (Some(name), _) if is_identifier(&name) => name,
        (Some(name), _) => return Err(at(&format!("field `entry_point`: '{name}' is not a name"))),
        (None, Form::Stdio) => "solve".to_owned(),
        (None, Form::Asserts) => {
            let tests: Vec<&str> = file.tests.iter().map(String::as_str).collect();
            egcfg_python::entry_point(&tests)
                .ok_or_else(|| at("no function name found in the tests").hint("name it with `entry_point`"))?
        }
    };
    let asserts = |tests: &[String]| tests.iter().cloned().map(Test::Assert).collect::<Vec<_>>();
    let shown_tests = match form {
        Form::Asserts => asserts(&file.tests),
        Form::Stdio => {
            file.io.into_iter().map(|io| Test::Stdio { stdin: io.stdin, stdout: io.stdout }).collect()
        }
    };
    let graded_tests = if file.hidden_tests.is_empty() {
        Vec::new()
    } else {
        shown_tests.iter().cloned().chain(asserts(&file.hidden_tests)).collect()
    };
    Ok(Task {
        id: file.id.unwrap_or_else(|| id.to_owned()),
        prompt: file.prompt,
        entry_point,
        form,
        shown_tests,
        graded_tests,
        setup_code: file.setup_code,
        header: file.header,
    })
}

fn is_identifier(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && letters.all(|c| c.is_alphanumeric() || c == '_')
}

fn in_toml(name: &str, text: &str, error: &toml::de::Error) -> Failure {
    let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    let message = error.message().lines().next().unwrap_or("not a task");
    Failure::input(format!("{name}:{line}: {message}")).hint(FIELDS)
}

fn in_json(name: &str, lines_before: usize, error: &serde_json::Error) -> Failure {
    let (line, column) = (lines_before + error.line().max(1), error.column());
    let text = error.to_string();
    let message = text.split(" at line ").next().unwrap_or(&text);
    Failure::input(format!("{name}:{line}:{column}: {message}")).hint(FIELDS)
}

const FIELDS: &str = "a task has the fields prompt and tests (or io), and optionally id, entry_point, hidden_tests, setup_code, header";
