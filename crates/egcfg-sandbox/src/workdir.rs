//! The directory that holds the work directories of all children of one sandbox. It is locked while its sandbox lives,
//! so that the next start can tell what a killed one left behind, and removes it.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FlockOperation, flock};

use crate::error::SandboxError;

/// See the module's paragraph.
#[derive(Debug)]
pub(crate) struct RunDirectory {
    path: PathBuf,
    // Held open: the lock goes with it.
    _lock: File,
    next: AtomicU64,
}

impl RunDirectory {
    /// Makes a new one under the system's directory for temporary files, and removes stale ones.
    pub(crate) fn create() -> Result<Self, SandboxError> {
        let uid = rustix::process::geteuid().as_raw();
        let base = std::env::temp_dir().join(format!("egcfg-sandbox-{uid}"));
        Self::create_in(&base, uid).map_err(|source| SandboxError::WorkDirectory { path: base, source })
    }

    fn create_in(base: &Path, uid: u32) -> std::io::Result<Self> {
        // Children enter their own directory below, under other uids: they may pass through, not look around.
        let mut builder = DirBuilder::new();
        builder.mode(0o711);
        match builder.create(base) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let metadata = fs::symlink_metadata(base)?;
        if !metadata.is_dir() || metadata.uid() != uid || metadata.mode() & 0o022 != 0 {
            return Err(std::io::Error::other("it belongs to somebody else"));
        }
        remove_stale(base);
        loop {
            let path = base.join(format!("{:016x}", crate::token::number()));
            match builder.create(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
            }
            let lock = File::create_new(path.join("lock"))?;
            flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
            return Ok(Self { path, _lock: lock, next: AtomicU64::new(0) });
        }
    }

    /// A path for a new work directory, which the child makes itself.
    pub(crate) fn next(&self) -> PathBuf {
        self.path.join(format!("w{}", self.next.fetch_add(1, Ordering::Relaxed)))
    }
}

impl Drop for RunDirectory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Removes what sandboxes left behind that can no longer hold their lock.
fn remove_stale(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else { return };
    for entry in entries.flatten() {
        let stale = match File::open(entry.path().join("lock")) {
            Ok(lock) => flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok(),
            // Without a lock it is one that is just being made, unless it has been so for a while.
            Err(_) => entry
                .metadata()
                .and_then(|data| data.modified())
                .is_ok_and(|at| at.elapsed().is_ok_and(|age| age.as_secs() > 60)),
        };
        if stale {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
