//! Where groups can be made: below this process's own group, never beside it, so that whatever limits this process still
//! limits its programs; or below the one that `EGCFG_CGROUP` names. Version 2 of the hierarchies comes first, because it ends a
//! group as one; version 1 serves where memory and processes are still counted there.

use std::fmt;
use std::path::{Path, PathBuf};

/// The variable that names a version 2 group to use.
pub(crate) const VARIABLE: &str = "EGCFG_CGROUP";

/// What marks a file system as a version 2 hierarchy.
const MAGIC: u64 = 0x6367_7270;

/// Which interface of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// A hierarchy per controller.
    One,
    /// One hierarchy for all.
    Two,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::One => "version 1",
            Self::Two => "version 2",
        })
    }
}

/// A group below which others can perhaps be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) version: Version,
    /// In version 1 that for memory, then that for processes.
    pub(crate) directories: Vec<PathBuf>,
    /// Whether this process may be in it, which version 2 does not allow beside groups below.
    pub(crate) own: bool,
}

/// The places to be tried, in this order; an error says why there is none of a kind.
pub(crate) fn places() -> Vec<Result<Place, String>> {
    if let Some(named) = std::env::var_os(VARIABLE).filter(|name| !name.is_empty()) {
        // Whoever names one wants that one.
        return vec![self::named(Path::new(&named))];
    }
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let (mounts, groups) = (read("/proc/self/mountinfo"), read("/proc/self/cgroup"));
    let second = own(&mounts, &groups, None)
        .map(|group| Place { version: Version::Two, directories: vec![group], own: true })
        .ok_or_else(|| "version 2 is not mounted".to_owned());
    let first = ["memory", "pids"].map(|controller| {
        own(&mounts, &groups, Some(controller))
            .ok_or_else(|| format!("version 1 is not mounted for {controller}"))
    });
    let first: Result<Vec<_>, _> = first.into_iter().collect();
    vec![second, first.map(|directories| Place { version: Version::One, directories, own: true })]
}

fn named(path: &Path) -> Result<Place, String> {
    let bad = |reason: &str| Err(format!("{VARIABLE}: {}: {reason}", path.display()));
    match rustix::fs::statfs(path) {
        Err(error) => bad(&std::io::Error::from(error).to_string()),
        // The type of the field differs between kinds of machines.
        #[allow(clippy::cast_sign_loss, reason = "a pattern of bits")]
        Ok(system) if system.f_type as u64 != MAGIC => bad("it is no control group of version 2"),
        Ok(_) => Ok(Place { version: Version::Two, directories: vec![path.to_owned()], own: false }),
    }
}

/// The directory of this process's group: in version 2, or in the version 1 hierarchy of a controller.
fn own(mounts: &str, groups: &str, controller: Option<&str>) -> Option<PathBuf> {
    let has = |list: &str, name: &str| list.split(',').any(|one| one == name);
    let (root, mounted) = mounts.lines().find_map(|line| {
        let (place, kind) = line.split_once(" - ")?;
        let mut kind = kind.split(' ');
        let right = match (controller, kind.next()?) {
            (None, "cgroup2") => true,
            (Some(name), "cgroup") => has(kind.nth(1)?, name),
            _ => false,
        };
        let mut place = place.split(' ').skip(3);
        right.then_some((place.next()?, place.next()?))
    })?;
    let path = groups.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        controller.map_or(controllers.is_empty(), |name| has(controllers, name)).then_some(path)
    })?;
    // A container may see only a part of the hierarchy, and its own group by the host's name.
    let path = Path::new(path);
    let below = path.strip_prefix(root).unwrap_or(path);
    Some(Path::new(mounted).join(below.strip_prefix("/").unwrap_or(below)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
        35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
        36 31 0:33 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
    const GROUPS: &str = "4:memory:/a\n3:cpu,cpuacct:/b/c\n0::/user.slice/app.scope\n";

    #[test]
    fn the_own_group_is_found_in_each_hierarchy() {
        let own = |controller| own(MOUNTS, GROUPS, controller);
        assert_eq!(own(None), Some("/sys/fs/cgroup/unified/user.slice/app.scope".into()));
        assert_eq!(own(Some("memory")), Some("/sys/fs/cgroup/memory/a".into()));
        assert_eq!(own(Some("cpuacct")), Some("/sys/fs/cgroup/cpu,cpuacct/b/c".into()));
        assert_eq!(own(Some("pids")), None);
    }

    #[test]
    fn what_is_not_mounted_or_not_entered_is_not_found() {
        assert_eq!(own("", GROUPS, None), None);
        assert_eq!(own(MOUNTS, "4:memory:/a\n", None), None);
        assert_eq!(own(MOUNTS, "", Some("memory")), None);
    }

    #[test]
    fn a_container_sees_its_own_part() {
        let mounts = "9 8 0:1 /docker/7 /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
        assert_eq!(own(mounts, "0::/docker/7\n", None), Some("/sys/fs/cgroup".into()));
        assert_eq!(own(mounts, "0::/docker/7/x\n", None), Some("/sys/fs/cgroup/x".into()));
        assert_eq!(own(mounts, "0::/\n", None), Some("/sys/fs/cgroup".into()));
    }

    #[test]
    fn a_plain_directory_is_no_group() {
        let directory = tempfile::tempdir().unwrap();
        let error = named(directory.path()).unwrap_err();
        assert!(error.ends_with("it is no control group of version 2"), "{error}");
        assert!(named(&directory.path().join("x")).unwrap_err().contains("No such file"));
    }
}
