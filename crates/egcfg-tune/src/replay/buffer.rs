//! The buffer: first in, first out, bounded, one entry per task and normal form. As a file: JSON Lines, oldest first.

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;

use super::experience::{EXPERIENCE_VERSION, Experience};
use crate::error::TuneError;
use crate::files::write_whole;

/// Entries that a buffer holds by default.
pub const CAPACITY: usize = 10_000;

/// Experiences, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Buffer {
    entries: VecDeque<Experience>,
    /// Hashes of the entries' keys: most experiences are new, and need not be looked for among all.
    known: HashSet<u64>,
    capacity: usize,
}

fn hash(experience: &Experience) -> u64 {
    let mut hasher = DefaultHasher::new();
    experience.key().hash(&mut hasher);
    hasher.finish()
}

impl Default for Buffer {
    fn default() -> Self {
        Self::new(CAPACITY)
    }
}

impl Buffer {
    /// An empty buffer of at most `capacity` entries (at least one).
    pub fn new(capacity: usize) -> Self {
        Self { entries: VecDeque::new(), known: HashSet::new(), capacity: capacity.max(1) }
    }

    /// Adds an experience as the newest. An equal program of the same task gives way to it (its probability may have changed);
    /// beyond the capacity the oldest goes.
    pub fn add(&mut self, experience: Experience) {
        if !self.known.insert(hash(&experience)) {
            self.entries.retain(|old| old.key() != experience.key());
        }
        self.entries.push_back(experience);
        while self.entries.len() > self.capacity
            && let Some(oldest) = self.entries.pop_front()
        {
            self.known.remove(&hash(&oldest));
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
