//! A unit's event log: JSON Lines, appended a whole line at a time. In a folder it grows in its place and can be read while it
//! does; for a bucket it grows in a temporary file, and is uploaded just before its unit is committed.

use std::fs::File;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

use egcfg_guidance::{Event, EventSink};
use egcfg_results::{Layout, event_log};

use crate::claim::Claim;
use crate::store::{Durability, Store, StoreError};

/// An open log, or none.
pub(crate) struct EventLog {
    task: String,
    file: Option<Mutex<File>>,
    /// Where it grows when that is not its place; removed when dropped.
    temporary: Option<tempfile::TempPath>,
    key: String,
}

impl EventLog {
    /// A log that keeps nothing.
    pub(crate) fn none() -> Self {
        Self { task: String::new(), file: None, temporary: None, key: String::new() }
    }

    /// Opens the log of a claimed unit.
    pub(crate) fn open(store: &Store, claim: &Claim, task: &str) -> Result<Self, StoreError> {
        let key = Layout::growing_events(&claim.folder, &claim.stem, claim.epoch);
        let failed = |error: std::io::Error| StoreError {
            action: "write",
            place: format!("{}/{key}", store.place()),
            reason: error.to_string(),
        };
        let (file, temporary) = if let Some(path) = store.local_path(&key) {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).map_err(failed)?;
            }
            (File::create(path).map_err(failed)?, None)
        } else {
            let (file, path) = tempfile::NamedTempFile::new().map_err(failed)?.into_parts();
            (file, Some(path))
        };
        Ok(Self { task: task.to_owned(), file: Some(Mutex::new(file)), temporary, key })
    }

    /// Brings the log into the store, where it does not grow there.
    pub(crate) async fn upload(&self, store: &Store) -> Result<(), StoreError> {
        let Some(path) = &self.temporary else { return Ok(()) };
        let bytes = std::fs::read(path).map_err(|error| StoreError {
            action: "read",
            place: path.display().to_string(),
            reason: error.to_string(),
        })?;
        store.put(&self.key, bytes, Durability::Synced).await
    }

    /// Removes a log whose unit this agent does not publish.
    pub(crate) async fn discard(&self, store: &Store) {
        if self.file.is_some() {
            // A log that stays is only litter.
            let _ = store.delete(&self.key).await;
        }
    }
}

impl EventSink for EventLog {
    fn emit(&self, event: &Event) {
        let Some(file) = &self.file else { return };
        let Some(line) = event_log::line(&self.task, event) else { return };
        // A full disk must not end the work; the log's reader sees where it stops.
        let _ = file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
    }
}
