//! The directory that holds the work directories of all children of one sandbox. It is locked while its sandbox lives,
//! so that the next start can tell what a killed one left behind, and removes it.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, CWD, FlockOperation, Timespec, Timestamps, flock, llistxattr, utimensat};

use crate::error::SandboxError;
use crate::supervisor::disk::remove_tree;
use crate::supervisor::reading::is_ours;

/// So many empty work directories are kept at most.
const SPARE: usize = 64;

/// See the module's paragraph.
#[derive(Debug)]
pub(crate) struct RunDirectory {
    path: PathBuf,
    // Held open: the lock goes with it.
    _lock: File,
    next: AtomicU64,
    /// What a work directory looks like when it is new.
    fresh: Look,
    /// Work directories that look so again, and are used once more.
    spare: Mutex<Vec<PathBuf>>,
}

/// Size of the directory itself, its mode, the length of the list of its extended attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    size: u64,
    mode: u32,
    attributes: usize,
}

impl Look {
    fn at(path: &Path) -> std::io::Result<Self> {
        let metadata = fs::symlink_metadata(path)?;
        // Not every file system has attributes.
        let attributes = llistxattr(path, &mut [0u8; 0]).unwrap_or(0);
        Ok(Self { size: metadata.len(), mode: metadata.mode(), attributes })
    }
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
            // Another sandbox that starts now may have taken the lock in between, and with it the directory for a stale one.
            let ours = flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok();
            if !ours || !path.join("lock").exists() {
                continue;
            }
            let first = path.join("w");
            DirBuilder::new().mode(0o700).create(&first)?;
            let (fresh, spare) = (Look::at(&first)?, Mutex::new(vec![first]));
            return Ok(Self { path, _lock: lock, next: AtomicU64::new(0), fresh, spare });
        }
    }

    /// The directory itself.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A path for a work directory, which the child makes itself unless it is there.
    pub(crate) fn next(&self) -> PathBuf {
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        spare.unwrap_or_else(|| self.fresh_path())
    }

    /// Keeps a dead child's work directory for the next one, when it is as it was; false where it must be removed.
    ///
    /// Some file systems look through everything that was removed in the last seconds before they make a directory: at a
    /// few hundred a second that was a quarter of a judgement. Whoever could still write here must be gone.
    pub(crate) fn keep(&self, work: &Path) -> bool {
        let empty = || fs::read_dir(work).is_ok_and(|mut entries| entries.next().is_none());
        if !Look::at(work).is_ok_and(|look| look == self.fresh) || !empty() {
            return false;
        }
        // Nothing of a program's passes to the next one, not even when it last wrote.
        let long_ago = Timespec { tv_sec: 0, tv_nsec: 0 };
        let times = Timestamps { last_access: long_ago, last_modification: long_ago };
        if utimensat(CWD, work, &times, AtFlags::SYMLINK_NOFOLLOW).is_err() {
            return false;
        }
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < SPARE {
            spare.push(work.to_owned());
            return true;
        }
        false
    }

    fn fresh_path(&self) -> PathBuf {
        self.path.join(format!("w{}", self.next.fetch_add(1, Ordering::Relaxed)))
    }
}

impl Drop for RunDirectory {
    fn drop(&mut self) {
        remove_tree(&self.path);
    }
}

/// Waits a moment for the threads that remove what the last programs left. A process that ends right after its sandbox
/// would end them half-way, and leave the rest to the next start.
#[derive(Debug)]
pub(crate) struct Tidy(PathBuf);

impl Tidy {
    /// For the run directory of this path.
    pub(crate) fn new(run: &Path) -> Self {
        Self(run.to_owned())
    }
}

impl Drop for Tidy {
    fn drop(&mut self) {
        let started = Instant::now();
        // Longer only where programs still run, whose tasks hold on to the pool.
        while self.0.exists() && started.elapsed() < Duration::from_secs(1) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Removes what sandboxes left behind that can no longer hold their lock.
///
/// What stands there is not trusted to be what a sandbox made: links are not followed, and a FIFO in a lock's place is
/// not waited for.
fn remove_stale(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else { return };
    for entry in entries.flatten() {
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            // No sandbox made it, so it is not ours to remove.
            continue;
        }
        let mut options = fs::OpenOptions::new();
        options.read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
        let stale = match options.open(entry.path().join("lock")) {
            // Out of descriptors: nothing is known of it.
            Err(error) if is_ours(&error) => return,
            Ok(lock) => flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok(),
            // Without a lock it is one that is just being made, unless it has been so for a while.
            Err(_) => entry
                .metadata()
                .and_then(|data| data.modified())
                .is_ok_and(|at| at.elapsed().is_ok_and(|age| age.as_secs() > 60)),
        };
        if stale {
            remove_tree(&entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A link among the stale directories was followed, and what it led to was removed.
    #[test]
    fn a_start_follows_no_link_and_waits_for_no_fifo() {
        let place = tempfile::tempdir().unwrap();
        let uid = rustix::process::geteuid().as_raw();
        let base = place.path().join("egcfg");
        let outside = place.path().join("outside");
        for directory in ["outside/inner", "egcfg/linked-lock", "egcfg/fifo"] {
            fs::create_dir_all(place.path().join(directory)).unwrap();
        }
        for file in ["lock", "kept", "inner/kept"] {
            fs::write(outside.join(file), "kept").unwrap();
        }
        fs::set_permissions(&base, fs::Permissions::from_mode(0o711)).unwrap();
        let link = |to: &Path, at: &str| std::os::unix::fs::symlink(to, base.join(at)).unwrap();
        link(&outside, "link");
        link(&outside.join("lock"), "linked-lock/lock");
        let status = std::process::Command::new("mkfifo").arg(base.join("fifo/lock")).status().unwrap();
        assert!(status.success());
        let (done, ended) = std::sync::mpsc::channel();
        std::thread::spawn(move || done.send(RunDirectory::create_in(&base, uid).map(drop)));
        ended.recv_timeout(std::time::Duration::from_secs(20)).expect("it does not hang").unwrap();
        remove_tree(&place.path().join("egcfg/link"));
        for file in ["lock", "kept", "inner/kept"] {
            assert_eq!(fs::read_to_string(outside.join(file)).unwrap(), "kept", "{file}");
        }
    }

    #[test]
    fn only_a_directory_as_good_as_new_is_used_again() {
        let base = tempfile::tempdir().unwrap();
        let base = base.path().join("egcfg");
        let run = RunDirectory::create_in(&base, rustix::process::geteuid().as_raw()).unwrap();
        let work = run.next();
        assert!(run.keep(&work));
        assert_eq!(run.next(), work);
        let written = fs::symlink_metadata(&work).unwrap().modified().unwrap();
        assert_eq!(written, std::time::UNIX_EPOCH);
        assert_ne!(run.next(), work, "it is given away once");
        fs::write(work.join("left"), "").unwrap();
        assert!(!run.keep(&work), "something was left in it");
        fs::remove_file(work.join("left")).unwrap();
        fs::set_permissions(&work, fs::Permissions::from_mode(0o711)).unwrap();
        assert!(!run.keep(&work), "its mode was changed");
        fs::remove_dir(&work).unwrap();
        std::os::unix::fs::symlink("/", &work).unwrap();
        assert!(!run.keep(&work), "it was replaced");
    }

    #[test]
    fn a_start_removes_what_dead_ones_left_and_spares_the_living() {
        let base = tempfile::tempdir().unwrap();
        let base = base.path().join("egcfg");
        let uid = rustix::process::geteuid().as_raw();
        let living = RunDirectory::create_in(&base, uid).unwrap();
        let dead = base.join("0123");
        fs::create_dir_all(dead.join("w1/deep")).unwrap();
        fs::write(dead.join("lock"), "").unwrap();
        let _other = RunDirectory::create_in(&base, uid).unwrap();
        assert!(!dead.exists());
        assert!(living.path.exists());
        let path = living.path.clone();
        drop(living);
        assert!(!path.exists());
    }
}
