//! The event log: JSON Lines, appended one whole line at a time, so that it survives a kill and can be read while it
//! grows. A line that cannot be written, on a full disk say, ends the log and is told; the command then fails at its end.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use egcfg_files::kind_name;
use egcfg_guidance::Event;
use egcfg_results::event_log;

use crate::exit::Failure;
use crate::output::text::note;

/// An open log.
pub(crate) struct EventLog {
    path: PathBuf,
    state: Mutex<State>,
}

enum State {
    Open(File),
    /// Nothing more is written: what follows a lost line would be read as if nothing were missing.
    Failed(String),
}

impl EventLog {
    /// Opens a log for appending: a regular file, or a device. A FIFO would be waited for until somebody reads it.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        if let Ok(found) = std::fs::metadata(path)
            && !(found.is_file() || found.file_type().is_char_device() || is_open_already(path))
        {
            let kind = kind_name(found.file_type());
            let message = format!("failed to open {}: it is a {kind}, not a regular file", path.display());
            return Err(Failure::input(message).hint("name a file, or /dev/stdout"));
        }
        let opened = File::options().create(true).append(true).open(path);
        let file =
            opened.map_err(|error| Failure::input(format!("failed to open {}: {error}", path.display())))?;
        Ok(Self { path: path.to_owned(), state: Mutex::new(State::Open(file)) })
    }

    /// Appends one event of a task.
    pub(crate) fn write(&self, task: &str, event: &Event) {
        let mut state = self.state();
        let State::Open(file) = &mut *state else { return };
        let Some(line) = event_log::line(task, event) else { return };
        if let Err(error) = file.write_all(line.as_bytes()) {
            // The answer is worth more than its log: the work goes on.
            note(&format!("warning: failed to write {}: {error}; the log ends here", self.path.display()));
            *state = State::Failed(error.to_string());
        }
    }

    /// Whether everything was written.
    pub(crate) fn finish(&self) -> Result<(), Failure> {
        match &*self.state() {
            State::Open(_) => Ok(()),
            State::Failed(error) => {
                Err(Failure::input(format!("failed to write {}: {error}", self.path.display()))
                    .hint("the program was printed; the event log lacks what followed"))
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a path names what this process has open, as `/dev/stdout` does: a pipe there has its reader.
fn is_open_already(path: &Path) -> bool {
    ["/dev/stdout", "/dev/stderr"].iter().any(|name| path == Path::new(name))
        || path.starts_with("/dev/fd")
        || path.starts_with("/proc/self/fd")
}
