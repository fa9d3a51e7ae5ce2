//! Layer L2, control groups of version 2: for now, what stands in their way here. A group is only of use where the
//! controllers for memory and processes have been delegated to this process's own group; and even there this version
//! does not yet put runs into groups, and says so instead of claiming the layer.

use std::path::{Path, PathBuf};

/// Why each protection of the layer is not in force: its name and the reason.
pub(crate) fn missing() -> [(&'static str, String); 3] {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let group = own_group(&read("/proc/self/mountinfo"), &read("/proc/self/cgroup"));
    let why = |controller: &str| match &group {
        None => "no version 2 hierarchy of control groups is mounted".to_owned(),
        Some(group) => obstacle(group, controller),
    };
    [("cgroup-memory", why("memory")), ("cgroup-pids", why("pids")), ("cgroup-kill", why(""))]
}

/// The directory of this process's group: where the hierarchy is mounted, and the path below it.
fn own_group(mounts: &str, groups: &str) -> Option<PathBuf> {
    let mounted = mounts.lines().find_map(|line| {
        let (place, kind) = line.split_once(" - ")?;
        kind.starts_with("cgroup2 ").then(|| place.split(' ').nth(4))?
    })?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    Some(Path::new(mounted).join(path.trim_start_matches('/')))
}

/// What keeps a run from a group of its own with this controller.
fn obstacle(group: &Path, controller: &str) -> String {
    let controllers = std::fs::read_to_string(group.join("cgroup.controllers")).unwrap_or_default();
    if !controller.is_empty() && !controllers.split_whitespace().any(|name| name == controller) {
        return format!("the {controller} controller is not delegated to {}", group.display());
    }
    "this version of egcfg does not use control groups yet".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_group_is_found_beside_version_1() {
        let mounts = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
            35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
            41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
        let groups = "4:memory:/a\n0::/user.slice/app.scope\n";
        let found = own_group(mounts, groups);
        assert_eq!(found.as_deref(), Some(Path::new("/sys/fs/cgroup/unified/user.slice/app.scope")));
        assert_eq!(own_group("", groups), None);
        assert_eq!(own_group(mounts, "4:memory:/a\n"), None);
    }

    #[test]
    fn a_controller_that_is_not_delegated_is_named() {
        let group = tempfile::tempdir().unwrap();
        std::fs::write(group.path().join("cgroup.controllers"), "cpu pids\n").unwrap();
        assert!(obstacle(group.path(), "memory").starts_with("the memory controller is not delegated"));
        assert!(obstacle(group.path(), "pids").ends_with("yet"));
    }
}
