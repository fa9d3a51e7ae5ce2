//! The clocks of one test: real time, processor time, idle time. The kernel's account of the process is read now and
//! then; nothing that the process itself says or does to its timers matters.

use std::time::{Duration, Instant};

use egcfg_task::Clock;

use crate::limits::Limits;
use crate::supervisor::reading::{Reading, ticks_per_second};

/// On a machine with more work than processors a test may take up to this many times its wall limit.
const PATIENCE: u32 = 8;

/// Time between two looks at most. A longer gap means that this process did not run: it was stopped, or got no
/// processor. What a program could not do meanwhile (be heard, have its output drained) is not counted against it.
const STEP: Duration = Duration::from_millis(100);
const GAP: Duration = Duration::from_secs(1);
/// The first look comes so soon, since what was used before it does not count. Most tests are over by then and
/// need no look at all, each of which reads two files.
const FIRST: Duration = Duration::from_millis(5);
/// How much idleness one look can show at most: a single look after a gap says little about the time before it.
const GLANCE: Duration = Duration::from_millis(250);

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
    /// Starts the clocks. Without a reading the first look is where they start from.
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
        let step = if self.first.is_none() { FIRST } else { step };
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
    use crate::supervisor::reading::is_ours;

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
}
