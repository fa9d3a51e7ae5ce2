//! The end of all processes of a group.

use std::os::fd::AsFd;
use std::path::Path;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::files::{processes, set, set_where_there};
use super::find::Version;

/// Ends all processes of a group. Version 2 has a call for that. In version 1 no process can be made from the first line on,
/// so that those which are there are all; and a process that is about to be ended makes no other.
pub(crate) fn end(group: &Path, version: Version) {
    if version == Version::Two && set(group, "cgroup.kill", "1").is_ok() {
        return;
    }
    let _ = set_where_there(group, "pids.max", "0");
    let mut told = Vec::new();
    for _ in 0..4 {
        let new: Vec<i32> = processes(group).into_iter().filter(|pid| !told.contains(pid)).collect();
        if new.is_empty() {
            return;
        }
        for pid in new {
            told.push(pid);
            let Some(handle) = Pid::from_raw(pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok())
            else {
                continue;
            };
            // Its number may have passed to another since it was read; the handle's process cannot have left.
            if processes(group).contains(&pid) {
                let _ = pidfd_send_signal(handle.as_fd(), Signal::KILL);
            }
        }
    }
}
