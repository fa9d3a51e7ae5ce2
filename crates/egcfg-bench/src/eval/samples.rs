//! Programs that something else generated, in the forms in which they come: `samples.jsonl` ({task_id, completion |
//! solution}, one or many per task), a list of lists of programs (JSON, the index is the task's place in the set), a results
//! folder (`task_id=<id>_gamma=<g>.json`), or a folder of folders of programs (`HumanEval_0/0.py`).

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::dataset::{Dataset, Item};

/// Why samples cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// A file or folder cannot be read.
    #[error("failed to read {}: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A record is none.
    #[error("{place}: {reason}")]
    Record {
        /// File, and line where there are lines.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// No sample is of a task of the set.
    #[error("no sample in {} is of a task of {set}", path.display())]
    NoneFits {
        /// The file or folder.
        path: PathBuf,
        /// The data set.
        set: String,
    },
}

/// One program to judge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The task's place among the set's items.
    pub item: usize,
    /// Its number among the task's samples, from 0.
    pub number: usize,
    /// The whole program.
    pub program: String,
    /// As it was given: the text of `completion` or `solution`.
    pub given: String,
}

/// All samples of a file or folder.
#[derive(Debug, Clone, Default)]
pub struct Samples {
    /// In the order of the file; of a folder, in the order of names.
    pub samples: Vec<Sample>,
    /// Ids of tasks that the (selected) set does not have.
    pub foreign: Vec<String>,
}

#[derive(Deserialize)]
struct Line {
    task_id: Value,
    completion: Option<Value>,
    solution: Option<Value>,
}

impl Samples {
    /// Reads samples for a data set.
    pub fn read(path: &Path, set: &Dataset) -> Result<Self, SampleError> {
        let mut reader = Reader::new(set);
        if path.is_dir() {
            reader.folder(path, 0)?;
        } else {
            reader.file(path)?;
        }
        if reader.found.samples.is_empty() {
            return Err(SampleError::NoneFits { path: path.to_owned(), set: set.name.clone() });
        }
        Ok(reader.found)
    }
}

struct Reader<'a> {
    set: &'a Dataset,
    places: HashMap<&'a str, usize>,
    counts: HashMap<usize, usize>,
    found: Samples,
}

impl<'a> Reader<'a> {
    fn new(set: &'a Dataset) -> Self {
        let places =
            set.items.iter().enumerate().map(|(index, item)| (item.task.id.as_str(), index)).collect();
        Self { set, places, counts: HashMap::new(), found: Samples::default() }
    }

    fn add(&mut self, id: &str, given: String, complete: bool) {
        match self.set.find(id) {
            Some(item) => self.add_to(item, given, complete),
            None => self.found.foreign.push(id.to_owned()),
        }
    }

    fn add_to(&mut self, item: &Item, given: String, complete: bool) {
        let Some(index) = self.places.get(item.task.id.as_str()).copied() else { return };
        let number = self.counts.entry(index).or_insert(0);
        let program = if complete { given.clone() } else { format!("{}{given}", item.task.header) };
        self.found.samples.push(Sample { item: index, number: *number, program, given });
        *number += 1;
    }

    fn file(&mut self, path: &Path) -> Result<(), SampleError> {
        let text = read_text(path)?;
        let is_array = text.trim_start().starts_with('[');
        if is_array && let Ok(lists) = serde_json::from_str::<Vec<Value>>(&text) {
            return self.lists(path, lists);
        }
        for (index, line) in text.split('\n').enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let bad = |reason: String| SampleError::Record {
                place: format!("{}:{}", path.display(), index + 1),
                reason,
            };
            let line: Line = serde_json::from_str(line).map_err(|error| {
                let text = error.to_string();
                bad(text.split(" at line ").next().unwrap_or(&text).to_owned())
            })?;
            self.line(line).map_err(bad)?;
        }
        Ok(())
    }

    fn line(&mut self, line: Line) -> Result<(), String> {
        let id = match line.task_id {
            Value::String(id) => id,
            Value::Number(id) => id.to_string(),
            _ => return Err("field `task_id`: expected a name or a number".to_owned()),
        };
        let (field, value, complete) = match (line.solution, line.completion) {
            (Some(value), _) => ("solution", value, true),
            (None, Some(value)) => ("completion", value, false),
            (None, None) => return Err("field `completion` or `solution` is missing".to_owned()),
        };
        // Several samples of a task may stand in one line.
        let programs: Vec<Value> = if let Value::Array(all) = value { all } else { vec![value] };
        for program in programs {
            let Value::String(program) = program else {
                return Err(format!("field `{field}`: expected a text or a list of texts"));
            };
            self.add(&id, program, complete);
        }
        Ok(())
    }

    fn lists(&mut self, path: &Path, lists: Vec<Value>) -> Result<(), SampleError> {
        for (index, list) in lists.into_iter().enumerate() {
            let bad = |reason: &str| SampleError::Record {
                place: format!("{}: entry {index}", path.display()),
                reason: reason.to_owned(),
            };
            // A list of records is samples.jsonl in another dress.
            if list.is_object() {
                let line: Line = serde_json::from_value(list).map_err(|error| bad(&error.to_string()))?;
                self.line(line).map_err(|reason| bad(&reason))?;
                continue;
            }
            let programs: Vec<String> =
                serde_json::from_value(list).map_err(|_| bad("expected a list of programs"))?;
            let set = self.set;
            match set.items.get(index) {
                Some(item) => programs.into_iter().for_each(|program| self.add_to(item, program, true)),
                None => self.found.foreign.push(format!("entry {index}")),
            }
        }
        Ok(())
    }

    fn folder(&mut self, path: &Path, depth: usize) -> Result<(), SampleError> {
        // Dataset, model, configuration: no layout is deeper than a few levels.
        const DEEPEST: usize = 6;
        let fail =
            |error: std::io::Error| SampleError::Read { path: path.to_owned(), reason: error.to_string() };
        let mut entries: Vec<PathBuf> = std::fs::read_dir(path)
            .map_err(fail)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()
            .map_err(fail)?;
        entries.sort();
        for entry in entries {
            let name = entry.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if entry.is_dir() && depth < DEEPEST {
                self.folder(&entry, depth + 1)?;
            } else if let Some(rest) = name.strip_prefix("task_id=").and_then(|n| n.strip_suffix(".json")) {
                self.result(&entry, rest.split("_gamma=").next().unwrap_or(rest))?;
            } else if entry.extension().is_some_and(|ending| ending == "py")
                && let Some(task) = path.file_name().map(|name| name.to_string_lossy().into_owned())
            {
                let program = read_text(&entry)?;
                self.add_named(&task, program);
            }
        }
        Ok(())
    }

    /// A results file: the field `code`; our own files name their task, others have it in the file's name.
    fn result(&mut self, path: &Path, id: &str) -> Result<(), SampleError> {
        let bad = |reason: &str| SampleError::Record {
            place: path.display().to_string(),
            reason: reason.to_owned(),
        };
        let result: Value = serde_json::from_str(&read_text(path)?).map_err(|_| bad("not a results file"))?;
        if result["general_error"].is_string() && result["code"].as_str().is_none_or(str::is_empty) {
            return Ok(());
        }
        let code = result["code"].as_str().ok_or_else(|| bad("field `code` is missing"))?.to_owned();
        match result["egcfg"]["task"].as_str() {
            Some(id) => self.add(id, code, true),
            None => self.add_named(id, code),
        }
        Ok(())
    }

    /// An id out of a file name, where a slash became an underscore.
    fn add_named(&mut self, name: &str, program: String) {
        let id = match name.rsplit_once('_') {
            Some((prefix, number)) if self.set.find(name).is_none() => format!("{prefix}/{number}"),
            _ => name.to_owned(),
        };
        self.add(&id, program, true);
    }
}

fn read_text(path: &Path) -> Result<String, SampleError> {
    let fail = |reason: String| SampleError::Read { path: path.to_owned(), reason };
    let data = std::fs::read(path).map_err(|error| fail(error.to_string()))?;
    let data = if data.starts_with(&[0x1f, 0x8b]) {
        let mut plain = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(data.as_slice()), &mut plain)
            .map_err(|error| fail(error.to_string()))?;
        plain
    } else {
        data
    };
    String::from_utf8(data).map_err(|_| fail("not UTF-8".to_owned()))
}
