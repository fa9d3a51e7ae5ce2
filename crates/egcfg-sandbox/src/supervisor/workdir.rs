//! The directory that holds the work directories of all children of one sandbox. It is locked while its sandbox lives,
//! so that the next start can tell what a killed one left behind, and removes it.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use rustix::fs::{
    AtFlags, CWD, FlockOperation, MemfdFlags, Timespec, Timestamps, flock, fstat, llistxattr, major,
    memfd_create, minor, utimensat,
};

use crate::error::SandboxError;
use crate::supervisor::reading::{is_ours, tasks_of};

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

/// Whether a work directory holds more than this many bytes or entries. The look is bounded by the same numbers, and
/// symbolic links are counted, not followed.
pub(crate) fn is_over(work: &Path, bytes: u64, entries: u64) -> bool {
    let (mut size, mut count) = (0, 0);
    let mut pending = vec![work.to_owned()];
    while let Some(directory) = pending.pop() {
        let found = match fs::read_dir(&directory) {
            Ok(found) => found,
            // Out of descriptors: nothing is known, and it is not the program's doing.
            Err(error) if is_ours(&error) => return false,
            // Removed since it was named, as directories for temporary files are.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && directory != work => continue,
            // One that cannot be looked into is nested too deeply for a path, or closed on purpose.
            Err(_) => return true,
        };
        for entry in found.flatten() {
            count += 1;
            if let Ok(metadata) = entry.metadata() {
                size += metadata.blocks() * 512;
                if metadata.is_dir() {
                    pending.push(entry.path());
                }
            }
            if count > entries || size > bytes {
                return true;
            }
        }
    }
    false
}

/// Whether files that a process has removed, but still holds open or mapped, take more than this many bytes. A mapping
/// does not say how large its file is: each counts as the largest that a file may be, and a few, such as a library may
/// have, as nothing. Where the kernel does not let us look (no right to trace the process) nothing is found.
///
/// Each thread is looked at: it may have descriptors of its own, and of a process whose first thread has ended nothing is to be
/// seen under its own number.
pub(crate) fn hides_more(pid: i32, bytes: u64, file_size: u64) -> bool {
    const FEW: u64 = 4;
    let (mut hidden, mut seen) = (0, std::collections::BTreeSet::new());
    let mut maps = String::new();
    for task in tasks_of(pid) {
        for entry in fs::read_dir(task.join("fd")).into_iter().flatten().flatten() {
            if let Ok(metadata) = fs::metadata(entry.path())
                && metadata.is_file()
                && metadata.nlink() == 0
                // Memory without a name has no blocks on a disk; the trace's is such.
                && !is_memory(&entry.path())
                && seen.insert(metadata.ino())
            {
                hidden += metadata.blocks() * 512;
            }
        }
        if maps.is_empty() {
            maps = fs::read_to_string(task.join("maps")).unwrap_or_default();
        }
    }
    // Memory that processes share has no name either; it lies on the device of memory files, on which nobody has others.
    let memory = MEMORY.as_deref();
    let on_disk =
        |line: &&str| line.ends_with(" (deleted)") && line.split_ascii_whitespace().nth(3) != memory;
    let deleted = maps.lines().filter(on_disk);
    let inodes = deleted.filter_map(|line| line.split_ascii_whitespace().nth(4)?.parse().ok());
    let mapped = inodes.filter(|&inode| seen.insert(inode)).count() as u64;
    hidden + mapped.saturating_sub(FEW) * file_size > bytes
}

/// The device of memory files, as a process's maps write it.
static MEMORY: LazyLock<Option<String>> = LazyLock::new(|| {
    let file = memfd_create("egcfg-device", MemfdFlags::CLOEXEC).ok()?;
    let device = fstat(&file).ok()?.st_dev;
    Some(format!("{:02x}:{:02x}", major(device), minor(device)))
});

fn is_memory(link: &Path) -> bool {
    fs::read_link(link).is_ok_and(|target| target.as_os_str().as_encoded_bytes().starts_with(b"/memfd:"))
}

/// Removes a directory that a program could fill as it liked, after its end. Directories are moved up before they are
/// emptied, so that no depth of nesting needs a stack, a long path or many descriptors. Symbolic links are removed, not
/// followed.
pub(crate) fn remove_tree(root: &Path) {
    if fs::remove_dir(root).is_ok() || !fs::symlink_metadata(root).is_ok_and(|data| data.is_dir()) {
        return;
    }
    let mut pending = vec![root.to_owned()];
    let mut moved = 0;
    while let Some(directory) = pending.last().cloned() {
        // A program can make directories that not even their owner may enter.
        let _ = fs::set_permissions(&directory, fs::Permissions::from_mode(0o700));
        let mut found = Vec::new();
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let _ = fs::remove_file(entry.path());
            } else if fs::remove_dir(entry.path()).is_err() {
                found.push(entry.path());
            }
        }
        if directory == root {
            if found.is_empty() {
                break;
            }
            pending.extend(found);
            continue;
        }
        for inner in found {
            let _ = fs::set_permissions(&inner, fs::Permissions::from_mode(0o700));
            let up = loop {
                moved += 1;
                let up = root.join(format!(".egcfg-{moved}"));
                if fs::symlink_metadata(&up).is_err() {
                    break up;
                }
            };
            if fs::rename(&inner, &up).is_ok() {
                pending.insert(1, up);
            }
        }
        pending.pop();
        if fs::remove_dir(&directory).is_err() && fs::symlink_metadata(&directory).is_ok() {
            // Something about it resists; it stays for the next start.
            return;
        }
    }
    let _ = fs::remove_dir(root);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_of_any_shape_is_counted_and_removed() {
        let base = tempfile::tempdir().unwrap();
        let root = base.path().join("w0");
        fs::create_dir(&root).unwrap();
        assert!(!is_over(&root, 0, 0));
        // Deeper than a path can say: built from the inside out.
        let long = "n".repeat(200);
        for level in 0..200 {
            let next = root.join(format!("t{level}"));
            fs::create_dir(&next).unwrap();
            if level > 0 {
                fs::rename(root.join(format!("t{}", level - 1)), next.join(&long)).unwrap();
            }
        }
        assert!(is_over(&root, u64::MAX, u64::MAX), "too deep to be looked into");
        let outside = base.path().join("outside");
        fs::write(&outside, "kept").unwrap();
        std::os::unix::fs::symlink(&outside, root.join("link")).unwrap();
        std::os::unix::fs::symlink(base.path(), root.join("up")).unwrap();
        fs::write(root.join(".egcfg-1"), "in the way").unwrap();
        let closed = root.join("closed");
        fs::create_dir_all(closed.join("inner")).unwrap();
        fs::write(closed.join("inner/file\nname"), [0; 9000]).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
        remove_tree(&root);
        assert!(fs::symlink_metadata(&root).is_err());
        assert_eq!(fs::read_to_string(&outside).unwrap(), "kept");
    }

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
    fn bytes_and_entries_are_limited_apart() {
        let base = tempfile::tempdir().unwrap();
        fs::create_dir(base.path().join("d")).unwrap();
        fs::write(base.path().join("d/file"), vec![1; 100_000]).unwrap();
        assert!(!is_over(base.path(), 1 << 20, 2));
        assert!(is_over(base.path(), 1 << 20, 1));
        assert!(is_over(base.path(), 50_000, 2));
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
