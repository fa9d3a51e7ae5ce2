//! A user's own tasks: one as TOML or JSON, or one a line as JSON Lines. A mistake is named with its file, line and field.

use std::path::Path;

use egcfg_files::{Bounds, Fault, Item as Raw, Origin, Shape, from_text, items, read_text, repaired};
use egcfg_task::{Compare, Form, Task, Test};
use serde::Deserialize;

use super::error::DatasetError;
use super::item::Item;
use super::left_out::first_of_each;
use super::toml_places::Places;

/// What a task consists of, for messages.
pub const FIELDS: &str = "a task has the fields prompt and tests (or io), and optionally id, entry_point, hidden_tests, setup_code, header, solution, compare, tolerance, ignore_case";

/// A task as it is written in a file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a task with its fields")]
struct TaskFile {
    #[serde(alias = "task_id")]
    id: Option<Id>,
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

/// A name, or a number.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a name or a number")]
enum Id {
    Text(String),
    Number(i64),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a pair with the fields stdin and stdout")]
struct Io {
    #[serde(default)]
    stdin: String,
    stdout: String,
    compare: Option<String>,
    tolerance: Option<f64>,
    ignore_case: Option<bool>,
}

/// A user's own tasks.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TaskList {
    /// Those that can be used, with their reference solutions.
    pub items: Vec<Item>,
    /// Lines that were left out, and why.
    pub faults: Vec<Fault>,
    /// sha256 of the file's content, in hexadecimal.
    pub sha256: String,
}

impl TaskList {
    /// The tasks alone.
    pub fn tasks(self) -> Vec<Task> {
        self.items.into_iter().map(|item| item.task).collect()
    }
}

/// Reads all tasks of a file; its ending tells the format. Of several tasks in a file, those that are wrong are left out; a
/// file without any that is right is an error.
pub fn read_tasks(path: &Path) -> Result<TaskList, DatasetError> {
    load(path)
}

/// All tasks of a file.
pub(super) fn load(path: &Path) -> Result<TaskList, DatasetError> {
    let name = path.display().to_string();
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = file.split('.').next().unwrap_or("task").to_owned();
    let plain = file.trim_end_matches(".gz").trim_end_matches(".zst");
    let format = plain.rsplit_once('.').map_or("", |(_, ending)| ending);
    let bounds = Bounds::from_environment()?;
    match format {
        "toml" => {
            let (text, sha256) = read_text(path, Origin::Named, bounds)?;
            let places = Places::of(&name, &text);
            let item =
                from_toml(&text, &places).and_then(|file| resolve(file, &stem, &|path| places.of_path(path)));
            let one = |fault| DatasetError::Fault { fault, more: 0, fields: Some(FIELDS) };
            Ok(TaskList { items: vec![item.map_err(one)?], faults: Vec::new(), sha256 })
        }
        "json" | "jsonl" | "parquet" => {
            let mut found = Vec::new();
            let read = items(path, Origin::Named, bounds, |item| found.push(item))?;
            let id = (format == "json" && read.shape != Shape::Array && found.len() == 1).then_some(stem);
            let mut list = collect(found, id.as_deref(), &name)?;
            list.sha256 = read.sha256;
            Ok(list)
        }
        _ => {
            // A file that is not there is not one of another kind.
            egcfg_files::open(path, Origin::Named)?;
            Err(DatasetError::NotTasks(path.to_owned()))
        }
    }
}

/// Reads one task a line; `name` is for messages, and for tasks without an id.
pub fn tasks_from_lines(name: &str, text: &str) -> Result<TaskList, DatasetError> {
    let mut found = Vec::new();
    from_text(name, text, |item| found.push(item));
    collect(found, None, name)
}

/// The tasks of lines or entries. One without an id is named by its place, or by `id`.
fn collect(found: Vec<Result<Raw, Fault>>, id: Option<&str>, name: &str) -> Result<TaskList, DatasetError> {
    let (mut read, mut faults) = (Vec::new(), Vec::new());
    for raw in found {
        let item = raw.and_then(|raw| {
            let file: TaskFile = from_json(&raw)?;
            Ok((raw.place.clone(), resolve(file, id.unwrap_or(&raw.place), &|_| raw.place.clone())?))
        });
        match item {
            Ok(item) => read.push(item),
            Err(fault) => faults.push(fault),
        }
    }
    let items = first_of_each(read, &mut faults);
    if items.is_empty() {
        return Err(
            DatasetError::of(faults, Some(FIELDS)).unwrap_or_else(|| DatasetError::Empty(name.into()))
        );
    }
    Ok(TaskList { items, faults, sha256: String::new() })
}

/// The task in a line or entry. A fault is told by its field, and by its line where the text has several.
fn from_json(raw: &Raw) -> Result<TaskFile, Fault> {
    let text = repaired(&raw.raw);
    let track = &mut serde_json::Deserializer::from_str(&text);
    let read = serde_path_to_error::deserialize(&mut *track);
    let whole = read.map_err(|error| (error.path().to_string(), error.into_inner())).and_then(|file| {
        // Nothing may stand behind it.
        track.end().map(|()| file).map_err(|error| (".".to_owned(), error))
    });
    whole.map_err(|(path, inner)| {
        let whole = inner.to_string();
        let reason = whole.split(" at line ").next().unwrap_or(&whole).to_owned();
        let (file, first) = raw.place.rsplit_once(':').unwrap_or((&raw.place, "1"));
        let line = first.parse::<usize>().unwrap_or(1) + inner.line().saturating_sub(1);
        // A column is a place only within a text that a person can look at.
        let place = if inner.is_data() {
            format!("{file}:{line}")
        } else {
            format!("{file}:{line}:{}", inner.column())
        };
        at_path(place, &path, reason)
    })
}

/// The task of a prompt and asserts; `id` is its id and names it in messages.
pub fn task_from_parts(
    id: &str,
    prompt: String,
    tests: Vec<String>,
    entry_point: Option<String>,
) -> Result<Task, DatasetError> {
    let file = TaskFile { prompt, entry_point, tests, ..TaskFile::default() };
    let task = resolve(file, id, &|_| id.to_owned()).map(|item| item.task);
    task.map_err(|fault| DatasetError::Fault { fault, more: 0, fields: Some(FIELDS) })
}

/// The task that a file describes. `place` says where a field stands, by its path, such as `io[0].compare`.
fn resolve(file: TaskFile, id: &str, place: &dyn Fn(&str) -> String) -> Result<Item, Fault> {
    let at = |field: &str, reason: &str| Fault::field(place(field), field, reason);
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
                return Err(Fault::field(place(&format!("{field}[{index}]")), field, reason));
            }
        }
    }
    let entry_point = match (file.entry_point, form) {
        (Some(name), _) if egcfg_python::is_name(&name) => name,
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
        id: match file.id {
            Some(Id::Text(id)) => id,
            Some(Id::Number(id)) => id.to_string(),
            None => id.to_owned(),
        },
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

/// The task in a TOML file.
fn from_toml(text: &str, places: &Places<'_>) -> Result<TaskFile, Fault> {
    let place = |error: &toml::de::Error| places.of_byte(error.span().map_or(0, |span| span.start));
    let reason = |error: &toml::de::Error| error.message().lines().next().unwrap_or("not a task").to_owned();
    let parsed =
        toml::Deserializer::parse(text).map_err(|error| Fault::new(place(&error), reason(&error)))?;
    serde_path_to_error::deserialize(parsed).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        at_path(place(&inner), &path, reason(&inner))
    })
}

/// A fault of the field that a deserializer was in.
fn at_path(place: String, path: &str, reason: String) -> Fault {
    match path {
        "." | "?" => Fault::new(place, reason),
        // An unknown field is named by the reason already.
        _ if reason.starts_with("unknown field") || reason.starts_with("missing field") => {
            Fault::new(place, reason)
        }
        _ => Fault::field(place, path, reason),
    }
}
