//! The log of a round of sampling: a line per task, flushed before the next one counts, so that a kill loses the tasks under
//! way and nothing else.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::TuneError;
use crate::files::{read_earlier, write_whole};
use crate::replay::{Buffer, Experience, p2value};

/// Version of the log's form, in each line.
pub(crate) const SAMPLE_VERSION: u32 = 1;

/// What came of one task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampledTask {
    /// Version of this form.
    pub version: u32,
    /// The task.
    pub task_id: String,
    /// Tokens generated for all its programs.
    pub generated_tokens: usize,
    /// Its programs, the most probable first.
    pub experiences: Vec<Experience>,
}

/// An open log.
#[derive(Debug)]
pub struct SampleLog {
    file: File,
    path: PathBuf,
    done: BTreeMap<String, SampledTask>,
}

impl SampleLog {
    /// Opens a log, new or from an earlier process; a line that a kill cut short is dropped.
    pub fn open(path: &Path) -> Result<Self, TuneError> {
        let text = read_earlier(path)?.unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        let mut done = BTreeMap::new();
        for (number, line) in whole.lines().enumerate() {
            let bad = |reason: String| TuneError::Line { path: path.to_owned(), line: number + 1, reason };
            let task: SampledTask = serde_json::from_str(line).map_err(|error| bad(error.to_string()))?;
            if task.version != SAMPLE_VERSION {
                return Err(bad(format!("version {} (this program reads {SAMPLE_VERSION})", task.version)));
            }
            done.insert(task.task_id.clone(), task);
        }
        write_whole(path, whole.as_bytes())?;
        let file = OpenOptions::new().append(true).open(path);
        let file = file.map_err(|error| TuneError::file("open", path, &error))?;
        Ok(Self { file, path: path.to_owned(), done })
    }

    /// Whether a task is in it.
    pub fn holds(&self, task: &str) -> bool {
        self.done.contains_key(task)
    }

    /// Adds a task; when this returns, a crash no longer loses it.
    pub fn add(&mut self, task: SampledTask) -> Result<(), TuneError> {
        let line = serde_json::to_string(&task).unwrap_or_default() + "\n";
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(|error| TuneError::file("write", &self.path, &error))?;
        self.done.insert(task.task_id.clone(), task);
        Ok(())
    }

    /// Puts the programs of these tasks into a buffer, in the order of the tasks, whatever order they were sampled in. Their
    /// P2 is that of `alpha`, whatever it was when they were sampled.
    pub fn into_buffer<'a>(&self, tasks: impl Iterator<Item = &'a str>, alpha: f64, buffer: &mut Buffer) {
        for task in tasks.filter_map(|task| self.done.get(task)) {
            for experience in task.experiences.iter().rev() {
                let p2value = p2value(alpha, experience.possibility, experience.pass_rate);
                buffer.add(Experience { p2value, ..experience.clone() });
            }
        }
    }

    /// All tasks in it.
    pub fn tasks(&self) -> impl Iterator<Item = &SampledTask> {
        self.done.values()
    }
}
