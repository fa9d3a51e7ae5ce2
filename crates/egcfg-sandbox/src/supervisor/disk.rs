//! What a run takes of the disk: how much its work directory holds, what it hides in files that have no name any more, and
//! how all of it goes again. A program may have made any tree that the system lets it make.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::LazyLock;

use rustix::fs::{MemfdFlags, fstat, major, memfd_create, minor};

use crate::supervisor::reading::{is_ours, tasks_of};

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

    #[test]
    fn bytes_and_entries_are_limited_apart() {
        let base = tempfile::tempdir().unwrap();
        fs::create_dir(base.path().join("d")).unwrap();
        fs::write(base.path().join("d/file"), vec![1; 100_000]).unwrap();
        assert!(!is_over(base.path(), 1 << 20, 2));
        assert!(is_over(base.path(), 1 << 20, 1));
        assert!(is_over(base.path(), 50_000, 2));
    }
}
