//! What the kernel's accounts say of this process and everything below it: processor time and memory. Wall times on a
//! shared machine say as much about the other work there; processor time says what a judgement costs.

use std::fs;
use std::time::Duration;

/// Processor time of this process and of all its descendants, the reaped ones included.
///
/// A warm interpreter's own account holds that of the children it has reaped, so a difference of two readings is off by
/// what the few children hold that live at the time.
pub(crate) fn cpu() -> Duration {
    let ticks: u64 = family().iter().map(|pid| ticks(*pid)).sum();
    Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// User and system time of a process and of those that it has reaped, in ticks.
fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    rest.split_ascii_whitespace().skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum()
}

/// This process, its children, theirs, and so on.
fn family() -> Vec<u32> {
    let mut all = vec![std::process::id()];
    let mut at = 0;
    while at < all.len() {
        all.extend(children(all[at]));
        at += 1;
    }
    all
}

/// The children of a process.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// Resident memory of a process in bytes: all of it, its proportional share of what it shares, and what is its alone.
pub(crate) fn memory(pid: u32) -> Option<[u64; 3]> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let field = |name: &str| {
        let lines = text.lines().filter_map(|line| line.strip_prefix(name));
        lines.filter_map(|rest| rest.split_ascii_whitespace().next()?.parse::<u64>().ok()).sum::<u64>() * 1024
    };
    Some([field("Rss:"), field("Pss:"), field("Private_Clean:") + field("Private_Dirty:")])
}
