//! What a sandbox holds of the hierarchy while it or one of its runs lives: its directory, locked, and the groups of runs that
//! could not be removed yet.

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::find::Version;

/// See the module's paragraph.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) version: Version,
    pub(crate) directories: Vec<PathBuf>,
    // Held open: the locks go with them.
    _locks: Vec<File>,
    /// Groups of runs whose processes had not quite ended when their run did.
    left: Mutex<Vec<PathBuf>>,
}

impl Held {
    /// The sandbox's own directories, and what holds their locks.
    pub(crate) fn new(version: Version, directories: Vec<PathBuf>, locks: Vec<File>) -> Self {
        Self { version, directories, _locks: locks, left: Mutex::default() }
    }

    /// Takes over a group that could not be removed yet.
    pub(crate) fn leave(&self, group: PathBuf) {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).push(group);
    }

    /// Removes what could not be removed before; returns how many still cannot.
    pub(crate) fn tidy(&self) -> usize {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.retain(|group| fs::remove_dir(group).is_err() && group.exists());
        left.len()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let started = Instant::now();
        // The last processes are being reaped at this very moment. What takes longer is left to the next start.
        while self.tidy() > 0 && started.elapsed() < Duration::from_secs(1) {
            std::thread::sleep(Duration::from_millis(1));
        }
        for group in &self.directories {
            let _ = fs::remove_dir(group);
        }
    }
}
