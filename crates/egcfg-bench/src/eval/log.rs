//! Verdicts on disk: one line per judged program, appended when it is known, so that a kill loses only what was being
//! judged. A line holds what it depends on; a changed program, data file or interpreter is judged again.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use egcfg_grade::Grade;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Version of a line; lines of another version are not taken.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Line {
    version: u32,
    key: String,
    task: String,
    sample: usize,
    #[serde(flatten)]
    judged: Grade,
}

/// An append-only log of verdicts.
#[derive(Debug)]
pub struct VerdictLog {
    file: File,
    known: HashMap<String, Grade>,
}

impl VerdictLog {
    /// Opens a log and reads what it holds; half a line at its end, as a kill leaves it, is ignored.
    pub fn open(path: &Path) -> io::Result<Self> {
        let data = match std::fs::read(path) {
            Ok(data) => data,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let lines =
            data.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Line>(line).ok());
        let known =
            lines.filter(|line| line.version == VERSION).map(|line| (line.key, line.judged)).collect();
        let mut file = File::options().create(true).append(true).open(path)?;
        if data.last().is_some_and(|byte| *byte != b'\n') {
            file.write_all(b"\n")?;
        }
        Ok(Self { file, known })
    }

    /// What a verdict depends on, as one key.
    pub fn key(parts: &[&str]) -> String {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        hash.finalize()[..16].iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }

    /// The verdict of an earlier run.
    pub fn get(&self, key: &str) -> Option<&Grade> {
        self.known.get(key)
    }

    /// Appends a verdict in one write.
    pub fn append(&mut self, key: &str, task: &str, sample: usize, judged: &Grade) -> io::Result<()> {
        let line =
            Line { version: VERSION, key: key.into(), task: task.into(), sample, judged: judged.clone() };
        let mut text = serde_json::to_string(&line)?;
        text.push('\n');
        self.file.write_all(text.as_bytes())
    }
}
