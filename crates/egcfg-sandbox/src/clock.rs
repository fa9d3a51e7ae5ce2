//! The clocks of one test: real time, processor time, idle time. The kernel's account of the process is read now and
//! then; nothing that the process itself says or does to its timers matters.

use std::time::{Duration, Instant};

use egcfg_task::Clock;

use crate::options::Limits;

/// On a machine with more work than processors a test may take up to this many times its wall limit.
const PATIENCE: u32 = 8;

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
    /// Looks at `/proc/<pid>/stat`; nothing there reads as a process that does nothing.
    pub(crate) fn take(pid: i32) -> Self {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let mut reading = Self::parse(&text).unwrap_or_default();
        // Not every kernel keeps this account; without it a busy machine counts against the program.
        let text = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap_or_default();
        let waited = text.split_ascii_whitespace().nth(1).and_then(|field| field.parse().ok());
        reading.waited = Duration::from_nanos(waited.unwrap_or(0));
        reading
    }

    fn parse(text: &str) -> Option<Self> {
        // The name in the second field may hold anything, also spaces and parentheses.
        let rest = &text[text.rfind(')')? + 1..];
        let mut fields = rest.split_ascii_whitespace();
        let running = fields.next()? == "R";
        let mut times = fields.skip(10).take(2).map(str::parse::<u64>);
        let ticks = times.next()?.ok()? + times.next()?.ok()?;
        let cpu = Duration::from_secs_f64(ticks as f64 / ticks_per_second());
        Some(Self { cpu, waited: Duration::ZERO, running })
    }

    /// Processor time of all its threads so far.
    pub(crate) fn cpu(self) -> Duration {
        self.cpu
    }
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

fn ticks_per_second() -> f64 {
    rustix::param::clock_ticks_per_second() as f64
}

/// The clocks of one test.
#[derive(Debug)]
pub(crate) struct Watch {
    started: Instant,
    first: Reading,
    last: Reading,
    /// Since when the process has been seen idle.
    idle_since: Option<Instant>,
    looked: Instant,
    wall: Duration,
    cpu: Duration,
    idle: Duration,
    /// Whether resident memory is looked at as well.
    resident: bool,
}

impl Watch {
    /// Starts the clocks.
    pub(crate) fn start(limits: &Limits, reading: Reading) -> Self {
        let now = Instant::now();
        Self {
            started: now,
            first: reading,
            last: reading,
            idle_since: None,
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
        Self::start(&limits, Reading::default())
    }

    /// The process has been waiting for us up to now: that was not idleness of its own.
    pub(crate) fn resume(&mut self) {
        (self.idle_since, self.looked) = (None, Instant::now());
    }

    /// Real time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// When to look next: soon enough for whichever clock can run out first.
    pub(crate) fn next_look(&self) -> Instant {
        // Memory that only we count can grow by a gigabyte in a tenth of a second.
        let step = Duration::from_millis(if self.resident { 10 } else { 100 });
        let wall = self.started + self.wall;
        let soon = self.looked + step.min(self.cpu).min(self.idle);
        if wall > self.looked { wall.min(soon) } else { soon }
    }

    /// Real time since the start. What a process spent waiting for a processor on a busy machine is not its fault,
    /// and does not count, up to a factor.
    fn wall_used(&self, now: Instant, reading: Reading) -> Duration {
        let elapsed = now - self.started;
        let waited = reading.waited.saturating_sub(self.first.waited);
        elapsed.saturating_sub(waited).max(elapsed / PATIENCE)
    }

    /// Looks at the clocks; the one that has run out, if any.
    pub(crate) fn look(&mut self, reading: Reading) -> Option<Clock> {
        let now = Instant::now();
        // Accounts are kept in ticks of some milliseconds: less than two of them is as good as nothing.
        let slack = Duration::from_secs_f64(1.5 / ticks_per_second());
        let busy = reading.running || reading.cpu.saturating_sub(self.last.cpu) > slack;
        self.idle_since = if busy { None } else { self.idle_since.or(Some(self.looked)) };
        (self.last, self.looked) = (reading, now);
        if reading.cpu.saturating_sub(self.first.cpu) >= self.cpu {
            Some(Clock::Cpu)
        } else if self.idle_since.is_some_and(|since| now - since >= self.idle) {
            Some(Clock::Idle)
        } else if self.wall_used(now, reading) >= self.wall {
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
        let text = "42 (a) R (b) c) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0";
        let reading = Reading::parse(text).unwrap();
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
        let mut watch = Watch::start(&limits, Reading::default());
        let busy = Reading { cpu: Duration::from_millis(500), running: true, ..Reading::default() };
        assert_eq!(watch.look(busy), None);
        assert_eq!(
            watch.look(Reading { cpu: Duration::from_secs(1), running: true, ..Reading::default() }),
            Some(Clock::Cpu)
        );
        let mut watch = Watch::start(&limits, Reading::default());
        assert_eq!(watch.look(Reading::default()), Some(Clock::Idle));
    }

    #[test]
    fn private_and_shared_memory_counts_and_files_do_not() {
        let status = "Name:\tRssAnon: 7\nVmRSS:\t  9000 kB\nRssAnon:\t    2000 kB\nRssFile:\t    6000 kB\nRssShmem:\t    1000 kB\n";
        assert_eq!(resident_of(status), 3000 << 10);
        assert_eq!(resident_of(""), 0);
        assert!(resident(std::process::id().cast_signed()) > 1 << 16);
    }

    #[test]
    fn this_process_has_used_some_time() {
        let (spin, own) = (Instant::now(), std::process::id().cast_signed());
        // On a busy machine a while passes before it has got a tick of a processor.
        while Reading::take(own).cpu() == Duration::ZERO && spin.elapsed() < Duration::from_secs(30) {}
        assert!(Reading::take(own).cpu() > Duration::ZERO);
    }
}
