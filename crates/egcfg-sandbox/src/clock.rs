//! The clocks of one test: real time, processor time, idle time. The kernel's account of the process is read now and
//! then; nothing that the process itself says or does to its timers matters.

use std::time::{Duration, Instant};

use egcfg_task::Clock;

use crate::options::Limits;

/// On a machine with more work than processors a test may take up to this many times its wall limit.
const PATIENCE: u32 = 8;

/// Time between two looks at most. A longer gap means that this process did not run: it was stopped, or got no
/// processor. What a program could not do meanwhile (be heard, have its output drained) is not counted against it.
const STEP: Duration = Duration::from_millis(100);
const GAP: Duration = Duration::from_secs(1);
/// How much idleness one look can show at most: a single look after a gap says little about the time before it.
const GLANCE: Duration = Duration::from_millis(250);

/// One look at a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Reading {
    /// Processor time of all its threads so far.
    cpu: Duration,
    /// Real time for which its main thread was ready to run and did not get a processor.
    waited: Duration,
    /// Whether it runs or is ready to.
    running: bool,
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
        if !reading.running && threads > 1 {
            reading.running = threads_run(pid);
        }
        // Not every kernel keeps this account; without it a busy machine counts against the program.
        let text = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap_or_default();
        let waited = text.split_ascii_whitespace().nth(1).and_then(|field| field.parse().ok());
        reading.waited = Duration::from_nanos(waited.unwrap_or(0));
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

/// Whether any of the threads runs or is ready to: the main thread may wait for others, which get no processor on a busy
/// machine and so use none. Looks at a bounded number of them.
fn threads_run(pid: i32) -> bool {
    const MOST: usize = 64;
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    tasks.take(MOST).any(|task| {
        let text = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        text.rsplit_once(')')
            .and_then(|(_, rest)| rest.split_ascii_whitespace().next())
            .is_some_and(is_running)
    })
}

/// Bytes of memory in use that no file stands behind, shared memory included; nothing for a process that is gone.
pub(crate) fn resident(pid: i32) -> u64 {
    resident_of(&std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default())
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

fn ticks_per_second() -> f64 {
    rustix::param::clock_ticks_per_second() as f64
}

/// The clocks of one test.
#[derive(Debug)]
pub(crate) struct Watch {
    started: Instant,
    /// The first look that could be had.
    first: Option<Reading>,
    last: Reading,
    /// Real time that counts: while the process was waited for, without gaps.
    used: Duration,
    /// How much of it the process has been seen idle, up to now, and the processor time that it had used before.
    idled: Duration,
    idle_from: Option<Duration>,
    looked: Instant,
    wall: Duration,
    cpu: Duration,
    idle: Duration,
    /// Whether resident memory is looked at as well.
    resident: bool,
}

impl Watch {
    /// Starts the clocks.
    pub(crate) fn start(limits: &Limits, reading: Option<Reading>) -> Self {
        let now = Instant::now();
        Self {
            started: now,
            first: reading,
            last: reading.unwrap_or_default(),
            used: Duration::ZERO,
            idled: Duration::ZERO,
            idle_from: None,
            looked: now,
            wall: limits.wall,
            cpu: limits.cpu,
            idle: limits.idle,
            resident: limits.resident,
        }
    }

    /// A clock of real time only, for a process that is trusted.
    pub(crate) fn wall_only(wall: Duration) -> Self {
        let limits = Limits { wall, cpu: Duration::MAX, idle: Duration::MAX, ..Limits::default() };
        Self::start(&limits, Some(Reading::default()))
    }

    /// The process has been waiting for us up to now: that was neither idleness nor time of its own.
    pub(crate) fn resume(&mut self) {
        (self.idled, self.idle_from, self.looked) = (Duration::ZERO, None, Instant::now());
    }

    /// The process has answered: what it took counts.
    pub(crate) fn settle(&mut self) {
        self.charge(Instant::now());
    }

    /// Counts the time since the last look, but for what of it nobody was looking.
    fn charge(&mut self, now: Instant) -> Duration {
        let gap = (now - self.looked).min(GAP);
        self.used += gap;
        self.looked = now;
        gap
    }

    /// Real time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// When to look next: soon enough for whichever clock can run out first.
    pub(crate) fn next_look(&self) -> Instant {
        // Memory that only we count can grow by a gigabyte in a tenth of a second.
        let step = if self.resident { STEP / 10 } else { STEP };
        let left = self.wall.saturating_sub(self.used);
        let soon = step.min(self.cpu).min(self.idle);
        self.looked + if left.is_zero() { soon } else { left.min(soon) }
    }

    /// Real time that counts. What a process spent waiting for a processor on a busy machine is not its fault,
    /// and does not count, up to a factor.
    fn wall_used(&self, reading: Reading) -> Duration {
        let waited = reading.waited.saturating_sub(self.first.unwrap_or(reading).waited);
        self.used.saturating_sub(waited).max(self.used / PATIENCE)
    }

    /// Looks at the clocks; the one that has run out, if any.
    pub(crate) fn look(&mut self, reading: Option<Reading>) -> Option<Clock> {
        let gap = self.charge(Instant::now());
        let Some(reading) = reading else {
            // Nobody knows what the process did; real time goes on.
            (self.idled, self.idle_from) = (Duration::ZERO, None);
            return (self.wall_used(self.last) >= self.wall).then_some(Clock::Wall);
        };
        let first = *self.first.get_or_insert(reading);
        // Time in a queue for a processor is no idleness.
        let idled =
            self.idled + gap.min(GLANCE).saturating_sub(reading.waited.saturating_sub(self.last.waited));
        // Accounts are kept in ticks of some milliseconds: less than two of them is as good as nothing. So is a fiftieth
        // of the time, which whoever only wakes to sleep again uses; a busy thread gets more on the busiest machine.
        let before = self.idle_from.unwrap_or(self.last.cpu);
        let slack = Duration::from_secs_f64(1.5 / ticks_per_second()) + idled / 50;
        let busy = reading.running || reading.cpu.saturating_sub(before) > slack;
        (self.idled, self.idle_from) = if busy { (Duration::ZERO, None) } else { (idled, Some(before)) };
        self.last = reading;
        if reading.cpu.saturating_sub(first.cpu) >= self.cpu {
            Some(Clock::Cpu)
        } else if !busy && self.idled >= self.idle {
            Some(Clock::Idle)
        } else if self.wall_used(reading) >= self.wall {
            Some(Clock::Wall)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
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
    fn a_busy_process_runs_out_of_cpu_and_a_sleeping_one_out_of_idle_time() {
        let limits = Limits {
            wall: Duration::from_secs(60),
            cpu: Duration::from_secs(1),
            idle: Duration::ZERO,
            ..Limits::default()
        };
        let mut watch = Watch::start(&limits, Some(Reading::default()));
        let busy = Reading { cpu: Duration::from_millis(500), running: true, ..Reading::default() };
        assert_eq!(watch.look(Some(busy)), None);
        assert_eq!(
            watch.look(Some(Reading { cpu: Duration::from_secs(1), running: true, ..Reading::default() })),
            Some(Clock::Cpu)
        );
        let mut watch = Watch::start(&limits, Some(Reading::default()));
        assert_eq!(watch.look(Some(Reading::default())), Some(Clock::Idle));
    }

    /// A supervisor that is stopped and continued saw its own pause as the program's.
    #[test]
    fn a_pause_of_the_supervisor_is_not_the_programs() {
        let limits = Limits {
            wall: Duration::from_secs(2),
            cpu: Duration::from_secs(60),
            idle: Duration::from_secs(2),
            ..Limits::default()
        };
        let mut watch = Watch::start(&limits, Some(Reading::default()));
        watch.looked -= Duration::from_secs(3600);
        watch.started -= Duration::from_secs(3600);
        assert_eq!(watch.look(Some(Reading::default())), None);
        assert!(watch.next_look() > Instant::now());
        // Looks that come in time add up.
        let looks = (0..).take_while(|_| {
            watch.looked -= STEP;
            watch.look(Some(Reading::default())).is_none()
        });
        assert!((1..=10).contains(&looks.count()), "a second of the pause counts");
    }

    /// Without descriptors the account of a busy process read as that of an idle one.
    #[test]
    fn an_unknown_account_is_no_idleness() {
        let limits = Limits { idle: Duration::from_millis(1), ..Limits::default() };
        let mut watch = Watch::start(&limits, Some(Reading::default()));
        watch.looked -= STEP;
        assert_eq!(watch.look(None), None);
        watch.looked -= STEP;
        assert_eq!(watch.look(Some(Reading::default())), Some(Clock::Idle));
        for code in [libc::EMFILE, libc::ENFILE, libc::ENOMEM] {
            assert!(is_ours(&std::io::Error::from_raw_os_error(code)));
        }
        assert!(!is_ours(&std::io::Error::from_raw_os_error(libc::ENOENT)));
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
            let busy = (0..20).all(|_| threads_run(me));
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            assert!(busy);
        });
        // Nobody has this number.
        assert!(!threads_run(i32::MAX));
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
