//! Verdicts on disk: one line per judged program, appended when it is known, so that a kill loses only what was being
//! judged. A line is keyed by all that it depends on: the task's tests, the program, and the conditions.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use egcfg_files::{Bounds, FileError, Origin, items};
use egcfg_grade::Grade;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::conditions::Conditions;
use crate::dataset::Item;

/// Version of a line; lines of another version are not taken.
const VERSION: u32 = 2;

#[derive(Serialize, Deserialize)]
struct Line {
    version: u32,
    /// Task, tests and program.
    subject: String,
    /// Everything else.
    conditions: String,
    task: String,
    sample: usize,
    #[serde(flatten)]
    judged: Grade,
}

/// What a verdict depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    subject: String,
    conditions: String,
}

impl Key {
    /// The key of a program's verdict.
    pub fn of(item: &Item, program: &str, conditions: &Conditions) -> Self {
        let task = &item.task;
        let tests = serde_json::json!([
            task.id,
            task.entry_point,
            task.form,
            task.setup_code,
            task.context,
            task.header,
            task.grading_tests(),
            item.base_tests,
        ]);
        Self { subject: digest(&[&tests.to_string(), program]), conditions: digest(&[&conditions.text()]) }
    }
}

fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize()[..16].iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// An append-only log of verdicts.
#[derive(Debug)]
pub struct VerdictLog {
    file: File,
    known: HashMap<Key, Grade>,
    subjects: HashSet<String>,
}

impl VerdictLog {
    /// Opens a log and reads what it holds; half a line at its end, as a kill leaves it, is ignored.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let (mut known, mut subjects) = (HashMap::new(), HashSet::new());
        let read = items(path, Origin::Named, Bounds::from_environment()?, |item| {
            let line = item.ok().and_then(|item| serde_json::from_str::<Line>(&item.raw).ok());
            if let Some(line) = line.filter(|line| line.version == VERSION) {
                subjects.insert(line.subject.clone());
                known.insert(Key { subject: line.subject, conditions: line.conditions }, line.judged);
            }
        });
        let failed = |error| FileError::Io { path: path.to_owned(), error };
        match read {
            Ok(_) => {}
            Err(error) if error.is_absent() => {}
            Err(error) => return Err(error),
        }
        let mut file = File::options().create(true).append(true).read(true).open(path).map_err(failed)?;
        if !ends_a_line(&mut file).map_err(failed)? {
            file.write_all(b"\n").map_err(failed)?;
        }
        Ok(Self { file, known, subjects })
    }

    /// The verdict of an earlier run.
    pub fn get(&self, key: &Key) -> Option<&Grade> {
        self.known.get(key)
    }

    /// Whether the same program was judged by the same tests under other conditions.
    pub fn is_changed(&self, key: &Key) -> bool {
        self.subjects.contains(&key.subject) && !self.known.contains_key(key)
    }

    /// Appends a verdict in one write.
    pub fn append(&mut self, key: &Key, task: &str, sample: usize, judged: &Grade) -> std::io::Result<()> {
        let line = Line {
            version: VERSION,
            subject: key.subject.clone(),
            conditions: key.conditions.clone(),
            task: task.into(),
            sample,
            judged: judged.clone(),
        };
        let mut text = serde_json::to_string(&line)?;
        text.push('\n');
        self.file.write_all(text.as_bytes())
    }
}

fn ends_a_line(file: &mut File) -> std::io::Result<bool> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == [b'\n'])
}
