//! One look at a process in the kernel's accounts: what it has used, what it waited for, and whether it runs. Nothing that the
//! process itself says or does matters.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// One look at a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Reading {
    /// Processor time of all its threads so far.
    pub(crate) cpu: Duration,
    /// Real time for which its threads were ready to run and did not get a processor, together.
    pub(crate) waited: Duration,
    /// Whether it runs or is ready to.
    pub(crate) running: bool,
}

impl Reading {
    /// Looks at `/proc/<pid>/stat`; nothing there reads as a process that does nothing. `None` when this process is out
    /// of descriptors or memory: then nothing is known, and nothing must be concluded.
    pub(crate) fn take(pid: i32) -> Option<Self> {
        let text = match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
            Err(error) if is_ours(&error) => return None,
            other => other.unwrap_or_default(),
        };
        let (mut reading, threads) = Self::parse(&text).unwrap_or_default();
        if threads > 1 {
            let (running, waited) = threads_of(pid);
            (reading.running, reading.waited) = (reading.running || running, waited);
        } else {
            reading.waited = waited(Path::new(&format!("/proc/{pid}")));
        }
        Some(reading)
    }

    /// The reading, and the number of threads.
    fn parse(text: &str) -> Option<(Self, u64)> {
        // The name in the second field may hold anything, also spaces and parentheses.
        let rest = &text[text.rfind(')')? + 1..];
        let mut fields = rest.split_ascii_whitespace();
        // A process that waits for a page or a disk does not sleep of its own will.
        let running = is_running(fields.next()?);
        let mut numbers = fields.skip(10).map(|field| field.parse::<u64>().ok());
        let ticks = numbers.next()?? + numbers.next()??;
        // The times of children, the priority and the niceness stand before it; the priority may be negative.
        let threads = numbers.nth(4)??;
        let cpu = Duration::from_secs_f64(ticks as f64 / ticks_per_second());
        Some((Self { cpu, waited: Duration::ZERO, running }, threads))
    }

    /// Processor time of all its threads so far.
    pub(crate) fn cpu(self) -> Duration {
        self.cpu
    }
}

fn is_running(state: &str) -> bool {
    matches!(state, "R" | "D")
}

/// Whether any of the threads runs or is ready to, and how long they have waited for a processor, together: the main thread
/// may wait for others, which on a busy machine get no processor and so use none. Looks at a bounded number of them.
fn threads_of(pid: i32) -> (bool, Duration) {
    tasks_of(pid).fold((false, Duration::ZERO), |(running, sum), task| {
        let text = std::fs::read_to_string(task.join("stat")).unwrap_or_default();
        let state = text.rsplit_once(')').and_then(|(_, rest)| rest.split_ascii_whitespace().next());
        (running || state.is_some_and(is_running), sum + waited(&task))
    })
}

/// The directories of a process's threads in `/proc`, a bounded number of them.
pub(crate) fn tasks_of(pid: i32) -> impl Iterator<Item = PathBuf> {
    const MOST: usize = 64;
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    tasks.take(MOST).map(|task| task.path())
}

/// How long a thread was ready to run and did not get a processor. Not every kernel keeps this account; without it a busy
/// machine counts against the program.
fn waited(task: &Path) -> Duration {
    let text = std::fs::read_to_string(task.join("schedstat")).unwrap_or_default();
    let waited = text.split_ascii_whitespace().nth(1).and_then(|field| field.parse().ok());
    Duration::from_nanos(waited.unwrap_or(0))
}

/// Bytes of memory in use that no file stands behind, shared memory included; nothing for a process that is gone.
pub(crate) fn resident(pid: i32) -> u64 {
    let status = |path: &Path| std::fs::read_to_string(path.join("status")).unwrap_or_default();
    let whole = status(Path::new(&format!("/proc/{pid}")));
    if whole.contains("\nRssAnon:") {
        return resident_of(&whole);
    }
    // The first thread has ended, and with it the account under this number; the others still hold the memory.
    tasks_of(pid).map(|task| resident_of(&status(&task))).max().unwrap_or(0)
}

fn resident_of(status: &str) -> u64 {
    let counted = status.lines().filter_map(|line| line.split_once(':'));
    let counted = counted.filter(|(name, _)| ["RssAnon", "RssShmem"].contains(name));
    let kib = counted.filter_map(|(_, value)| value.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.sum::<u64>() << 10
}

/// Whether an error says that the supervisor lacks something, and nothing about what it looked at.
pub(crate) fn is_ours(error: &std::io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM))
}

/// The unit in which the kernel keeps processor time.
pub(crate) fn ticks_per_second() -> f64 {
    rustix::param::clock_ticks_per_second() as f64
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn the_kernels_account_is_read_past_a_hostile_name() {
        let text = "42 (a) R (b) c) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 -2 0 3 0";
        let (reading, threads) = Reading::parse(text).unwrap();
        assert_eq!(threads, 3);
        assert!(!reading.running);
        assert_eq!(reading.cpu, Duration::from_secs_f64(200.0 / ticks_per_second()));
    }

    #[test]
    fn private_and_shared_memory_counts_and_files_do_not() {
        let status = "Name:\tRssAnon: 7\nVmRSS:\t  9000 kB\nRssAnon:\t    2000 kB\nRssFile:\t    6000 kB\nRssShmem:\t    1000 kB\n";
        assert_eq!(resident_of(status), 3000 << 10);
        assert_eq!(resident_of(""), 0);
        assert!(resident(std::process::id().cast_signed()) > 1 << 16);
    }

    /// A program whose main thread waits for threads that loop read as idle while they queued for a processor.
    #[test]
    fn a_thread_that_runs_is_no_idleness() {
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
            let me = std::process::id().cast_signed();
            // The spinning thread runs or queues at every single look.
            let busy = (0..20).all(|_| threads_of(me).0);
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            assert!(busy);
        });
        // Nobody has this number.
        assert_eq!(threads_of(i32::MAX), (false, Duration::ZERO));
    }

    #[test]
    fn this_process_has_used_some_time() {
        // On a busy machine real time is no processor time.
        let started = Instant::now();
        let cpu = || Reading::take(std::process::id().cast_signed()).unwrap().cpu();
        while cpu() == Duration::ZERO && started.elapsed() < Duration::from_secs(20) {}
        assert!(cpu() > Duration::ZERO);
    }
}
