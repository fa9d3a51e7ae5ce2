//! Groups that a killed sandbox left behind. Each sandbox holds a lock on its group's directory, as it does on its work
//! directories, so the next start can tell which ones nobody uses any more, ends what is in them and removes them.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::end::end;
use super::find::Version;

/// What the name of every group of ours begins with.
pub(crate) const PREFIX: &str = "egcfg-";

/// Opens a group's directory and locks it, unless somebody else has.
fn lock(path: &Path) -> io::Result<File> {
    let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW;
    let directory = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    flock(&directory, FlockOperation::NonBlockingLockExclusive)?;
    Ok(directory)
}

/// Makes a group and locks it. Another start may take it for a stale one before it is locked; then it is made again.
pub(crate) fn make(path: &Path) -> io::Result<File> {
    for _ in 0..20 {
        fs::create_dir(path)?;
        let Ok(held) = lock(path) else { continue };
        let same = |now: fs::Metadata| held.metadata().is_ok_and(|then| then.ino() == now.ino());
        if fs::metadata(path).is_ok_and(same) {
            return Ok(held);
        }
    }
    Err(io::Error::other("it is removed again and again"))
}

/// The groups directly below.
pub(crate) fn below(group: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(group).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|one| one.path()).collect()
}

/// Removes the groups below `place` that sandboxes made and no longer hold.
pub(crate) fn remove(place: &Path, version: Version) {
    for group in below(place) {
        let ours =
            group.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(PREFIX));
        if !ours {
            continue;
        }
        let Ok(_held) = lock(&group) else { continue };
        for run in below(&group) {
            // The processes ended with their sandbox; this is for those that a missing protection let live.
            end(&run, version);
            let _ = fs::remove_dir(&run);
        }
        // What is not empty yet is the next start's business.
        let _ = fs::remove_dir(&group);
    }
}
