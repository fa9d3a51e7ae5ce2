//! The buffer: first in, first out, bounded, one entry per task and normal form. As a file: JSON Lines, oldest first.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::experience::{EXPERIENCE_VERSION, Experience};
use crate::error::TuneError;
use crate::files::{open_named, write_whole};

/// Entries that a buffer holds by default.
pub const CAPACITY: usize = 10_000;

/// Experiences, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Buffer {
    entries: VecDeque<Experience>,
    capacity: usize,
}

impl Default for Buffer {
    fn default() -> Self {
        Self::new(CAPACITY)
    }
}

impl Buffer {
    /// An empty buffer of at most `capacity` entries (at least one).
    pub fn new(capacity: usize) -> Self {
        Self { entries: VecDeque::new(), capacity: capacity.max(1) }
    }

    /// Adds an experience as the newest. An equal program of the same task gives way to it (its probability may have changed);
    /// beyond the capacity the oldest goes.
    pub fn add(&mut self, experience: Experience) {
        self.entries.retain(|old| old.key() != experience.key());
        self.entries.push_back(experience);
        while self.entries.len() > self.capacity {
            self.entries.pop_front();
        }
    }

    /// The entries, oldest first.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &Experience> {
        self.entries.iter()
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Reads a file of experiences; the error names the line and field.
    pub fn read(path: &Path, capacity: usize) -> Result<Self, TuneError> {
        let file = open_named(path)?;
        let mut buffer = Self::new(capacity);
        for (number, line) in BufReader::new(file).lines().enumerate() {
            let line = line.map_err(|error| TuneError::file("read", path, &error))?;
            if line.trim().is_empty() {
                continue;
            }
            let bad = |reason: String| TuneError::Line { path: path.to_owned(), line: number + 1, reason };
            let entry: Experience = serde_json::from_str(&line).map_err(|error| bad(error.to_string()))?;
            if let Some(fault) = entry.fault() {
                return Err(bad(fault));
            }
            buffer.add(entry);
        }
        Ok(buffer)
    }

    /// Writes the file, whole or not at all.
    pub fn write(&self, path: &Path) -> Result<(), TuneError> {
        let mut text = Vec::new();
        for entry in &self.entries {
            let entry = Experience { version: EXPERIENCE_VERSION, ..entry.clone() };
            let line = serde_json::to_vec(&entry).map_err(|error| TuneError::File {
                action: "write",
                path: path.to_owned(),
                reason: error.to_string(),
            })?;
            text.extend(line);
            text.push(b'\n');
        }
        write_whole(path, &text)
    }
}
