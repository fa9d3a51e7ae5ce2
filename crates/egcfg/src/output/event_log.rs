//! The event log: JSON Lines, appended one whole line at a time, so that it survives a kill and can be read while it
//! grows.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use egcfg_guidance::Event;
use egcfg_results::event_log;

use crate::exit::Failure;

/// An open log.
pub(crate) struct EventLog {
    file: Mutex<File>,
}

impl EventLog {
    /// Opens a log for appending.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let opened = File::options().create(true).append(true).open(path);
        let file =
            opened.map_err(|error| Failure::input(format!("failed to open {}: {error}", path.display())))?;
        Ok(Self { file: Mutex::new(file) })
    }

    /// Appends one event of a task.
    pub(crate) fn write(&self, task: &str, event: &Event) {
        let Some(line) = event_log::line(task, event) else { return };
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // A full disk must not end the work; the log's reader sees where it stops.
        let _ = file.write_all(line.as_bytes());
    }
}
