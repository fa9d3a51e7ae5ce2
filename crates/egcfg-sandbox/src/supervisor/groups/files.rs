//! The files of a control group: small texts that the kernel makes up when they are read, and obeys when they are written.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Writes a setting, which must be there already, in one call: the kernel takes each call for a whole value.
pub(crate) fn set(group: &Path, name: &str, value: &str) -> io::Result<()> {
    OpenOptions::new().write(true).open(group.join(name))?.write_all(value.as_bytes())
}

/// The same; a kernel that lacks the setting does without.
pub(crate) fn set_where_there(group: &Path, name: &str, value: &str) -> io::Result<()> {
    match set(group, name, value) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// A file's text; empty where there is none.
pub(crate) fn read(group: &Path, name: &str) -> String {
    fs::read_to_string(group.join(name)).unwrap_or_default()
}

/// The number that stands behind a key in a file of lines `key number`; 0 where there is none.
pub(crate) fn count(group: &Path, name: &str, key: &str) -> u64 {
    count_in(&read(group, name), key)
}

fn count_in(text: &str, key: &str) -> u64 {
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.find(|(name, _)| *name == key).and_then(|(_, number)| number.trim().parse().ok()).unwrap_or(0)
}

/// The processes of a group, without those of groups below it.
pub(crate) fn processes(group: &Path) -> Vec<i32> {
    read(group, "cgroup.procs").lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid > 0).collect()
}

/// Whether a word stands in a file of words.
pub(crate) fn lists(group: &Path, name: &str, word: &str) -> bool {
    read(group, name).split_ascii_whitespace().any(|one| one == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_found_by_their_whole_name() {
        let events = "low 0\nhigh 0\nmax 21\noom 3\noom_kill 2\noom_group_kill 1\n";
        assert_eq!(count_in(events, "oom_kill"), 2);
        assert_eq!(count_in(events, "oom"), 3);
        assert_eq!(count_in(events, "oom_"), 0);
        assert_eq!(count_in("max\nmax x\n", "max"), 0);
    }

    #[test]
    fn a_setting_is_never_made() {
        let group = tempfile::tempdir().unwrap();
        assert_eq!(set(group.path(), "pids.max", "3").unwrap_err().kind(), io::ErrorKind::NotFound);
        set_where_there(group.path(), "memory.swap.max", "0").unwrap();
        assert_eq!(fs::read_dir(group.path()).unwrap().count(), 0);
    }
}
