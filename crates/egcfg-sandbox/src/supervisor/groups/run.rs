//! The group of one run: its limits, the moment in which a process enters it, what the kernel counted, and its end.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::end::end;
use super::files::{count, processes, read, set, set_where_there};
use super::find::Version;
use super::held::Held;
use crate::limits::Limits;

/// What the kernel needs for a run beside the run's own memory: page tables, buffers of pipes and sockets, a trace.
const SLACK: u64 = 16 << 20;

/// Which limits a group gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caps {
    memory: bool,
    pids: bool,
}

impl Caps {
    pub(crate) fn without(names: &[String]) -> Self {
        let kept = |name: &str| !names.iter().any(|one| one == name);
        Self { memory: kept("cgroup-memory"), pids: kept("cgroup-pids") }
    }
}

/// What the kernel counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Account {
    /// Processes that it ended because the memory was used up.
    pub(crate) memory_kills: u64,
    /// Processes and threads that it refused to make.
    pub(crate) refused: u64,
    /// The most memory in use at a time, in bytes; 0 where the kernel does not say.
    pub(crate) peak: u64,
}

/// See the module's paragraph.
#[derive(Debug)]
pub(crate) struct Group {
    held: Arc<Held>,
    /// In version 1 that for memory, then that for processes.
    directories: Vec<PathBuf>,
    /// Whether nobody may enter any more.
    closed: Mutex<bool>,
}

impl Group {
    pub(crate) fn make(
        held: &Arc<Held>,
        directories: Vec<PathBuf>,
        limits: &Limits,
        caps: Caps,
    ) -> io::Result<Arc<Self>> {
        // From here on what has been made is removed, whatever fails.
        let group = Self { held: Arc::clone(held), directories, closed: Mutex::new(false) };
        for directory in &group.directories {
            fs::create_dir(directory)?;
        }
        if caps.memory {
            // Larger numbers the kernel does not take, nor does anybody have so much.
            let bytes = limits.memory.saturating_add(SLACK).min(1 << 60).to_string();
            let memory = group.memory();
            match held.version {
                Version::Two => {
                    set(memory, "memory.max", &bytes)?;
                    set_where_there(memory, "memory.swap.max", "0")?;
                    set_where_there(memory, "memory.oom.group", "1")?;
                }
                Version::One => {
                    set(memory, "memory.limit_in_bytes", &bytes)?;
                    set_where_there(memory, "memory.memsw.limit_in_bytes", &bytes)?;
                }
            }
        }
        if caps.pids {
            set(group.pids(), "pids.max", &limits.threads.to_string())?;
        }
        Ok(Arc::new(group))
    }

    fn memory(&self) -> &Path {
        self.directories.first().map_or(Path::new(""), PathBuf::as_path)
    }

    fn pids(&self) -> &Path {
        self.directories.last().map_or(Path::new(""), PathBuf::as_path)
    }

    /// Moves a process into the group. The kernel may take some milliseconds for it, so this is no call for a thread that
    /// others wait for.
    pub(crate) fn admit(&self, pid: i32) -> io::Result<()> {
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        if *closed {
            return Err(io::Error::other("its run has ended"));
        }
        self.directories.iter().try_for_each(|directory| set(directory, "cgroup.procs", &pid.to_string()))
    }

    /// Lets nobody in from now on. To be called before a process is reaped: afterwards its number may be anybody's.
    pub(crate) fn close(&self) {
        *self.closed.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// What the kernel counted so far.
    pub(crate) fn account(&self) -> Account {
        let (events, peak) = match self.held.version {
            Version::Two => ("memory.events", "memory.peak"),
            Version::One => ("memory.oom_control", "memory.max_usage_in_bytes"),
        };
        Account {
            memory_kills: count(self.memory(), events, "oom_kill"),
            refused: count(self.pids(), "pids.events", "max"),
            peak: read(self.memory(), peak).trim().parse().unwrap_or(0),
        }
    }

    /// Whether the kernel has ended a process of it for want of memory.
    pub(crate) fn is_out_of_memory(&self) -> bool {
        let name = if self.held.version == Version::Two { "memory.events" } else { "memory.oom_control" };
        count(self.memory(), name, "oom_kill") > 0
    }

    /// Ends all that is in it.
    pub(crate) fn end(&self) {
        end(self.pids(), self.held.version);
    }

    /// Whether nothing runs in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.directories.iter().all(|directory| processes(directory).is_empty())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let kept: Vec<_> =
            self.directories.iter().filter(|one| fs::remove_dir(one).is_err() && one.exists()).collect();
        if !kept.is_empty() {
            self.end();
            for one in kept {
                self.held.leave(one.clone());
            }
        }
    }
}
