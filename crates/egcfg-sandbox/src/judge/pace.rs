//! How much time each test of a program gets. A program that never ends costs its whole limit once: after a test that used up
//! its limit the others get a tenth of it, and after ten that did not end within that, none. What ends in its tenth has its
//! verdict as always; what does not is [`Verdict::Unfinished`] and never a failure. The program has failed by then.
//!
//! A program that is only observed, as a candidate, gets the tenth from the start.

use std::sync::Arc;
use std::time::Duration;

use egcfg_task::{Clock, Verdict};

use crate::judge::failure::Failure;
use crate::limits::Limits;
use crate::options::TraceOptions;

/// A shorter limit is this part of the whole one.
const PART: u32 = 10;
/// A shorter limit of less than this would measure the interpreter and not the program.
const LEAST: Duration = Duration::from_millis(250);
/// Loading takes what a program imports: it gets more of an observation than a test does.
const LOADING: u32 = 3;
/// So many tests that did not end within their part are enough: together they have taken another whole limit.
const MOST: u32 = PART;

/// What a program is run for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A verdict on each test.
    Verdict,
    /// Traces beside verdicts, of a program that may never end.
    Observation,
    /// The trace of one call, which takes no longer than its budget of time.
    Trace(Duration),
}

impl Purpose {
    /// The purpose of a run that judges tests, traced or not.
    pub(crate) fn of(trace: Option<&TraceOptions>) -> Self {
        if trace.is_some() { Self::Observation } else { Self::Verdict }
    }
}

/// See the module's paragraph.
#[derive(Debug)]
pub(crate) struct Pace {
    whole: Arc<Limits>,
    purpose: Purpose,
    /// A test has used up its whole limit.
    spent: bool,
    /// Tests that did not end within their part.
    unfinished: u32,
}

impl Pace {
    pub(crate) fn new(whole: &Arc<Limits>, purpose: Purpose) -> Self {
        Self { whole: Arc::clone(whole), purpose, spent: false, unfinished: 0 }
    }

    /// The limits of the next test, or of loading the program. Where it has been loaded before, that took no longer than its
    /// limit.
    pub(crate) fn limits(&self, loading: bool) -> Limits {
        let time = match self.purpose {
            Purpose::Observation if loading => self.part() * LOADING,
            Purpose::Observation => self.part(),
            Purpose::Verdict if self.spent && !loading => self.part(),
            Purpose::Trace(budget) if !loading => budget.max(self.part()),
            Purpose::Verdict | Purpose::Trace(_) => return (*self.whole).clone(),
        };
        // Real time stays as it is: on a busy machine it says little about the program.
        let (cpu, idle) = (self.whole.cpu.min(time), self.whole.idle.min(time));
        Limits { cpu, idle, ..(*self.whole).clone() }
    }

    fn part(&self) -> Duration {
        (self.whole.cpu / PART).max(LEAST)
    }

    /// The failure of a test, or of loading the program, that a clock ended.
    pub(crate) fn ended(&self, clock: Clock, loading: bool) -> Failure {
        let limits = self.limits(loading);
        let (limit, what) = match clock {
            Clock::Wall => (limits.wall, "of real time"),
            Clock::Cpu => (limits.cpu, "of processor time"),
            Clock::Idle => (limits.idle, "without doing anything"),
        };
        let text = format!("stopped after {} s {what}", limit.as_secs_f64());
        if limits.cpu >= self.whole.cpu && limits.idle >= self.whole.idle {
            return Failure::new(Verdict::Timeout { clock }, text);
        }
        let why = match self.purpose {
            Purpose::Verdict => "a test before it had used up its whole limit",
            Purpose::Observation => "an observation gets no more",
            Purpose::Trace(_) => "a trace gets no more",
        };
        Failure::new(Verdict::Unfinished, format!("{text}: {why}"))
    }

    /// Takes note of what came of a test.
    pub(crate) fn note(&mut self, verdict: &Verdict) {
        self.spent |= matches!(verdict, Verdict::Timeout { .. });
        self.unfinished += u32::from(*verdict == Verdict::Unfinished);
    }

    /// Why the next test is not run, where it is not.
    pub(crate) fn over(&self) -> Option<Failure> {
        let text = format!("not run: {MOST} tests before it did not end");
        (self.unfinished >= MOST).then(|| Failure::new(Verdict::Unfinished, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(purpose: Purpose) -> Pace {
        Pace::new(&Arc::new(Limits::default()), purpose)
    }

    #[test]
    fn a_program_pays_for_an_endless_loop_once() {
        let mut pace = pace(Purpose::Verdict);
        let timeout = Verdict::Timeout { clock: Clock::Cpu };
        assert_eq!(pace.limits(false), Limits::default());
        assert_eq!(pace.ended(Clock::Cpu, false).verdict, timeout);
        for test in 0..MOST {
            pace.note(if test == 0 { &timeout } else { &Verdict::Unfinished });
            assert_eq!(pace.over(), None);
            let (limits, tenth) = (pace.limits(false), Duration::from_millis(500));
            assert_eq!((limits.cpu, limits.idle, limits.wall), (tenth, tenth, Duration::from_secs(10)));
            assert_eq!(pace.ended(Clock::Cpu, false).verdict, Verdict::Unfinished);
            // The program has been loaded before.
            assert_eq!(pace.limits(true), Limits::default());
            assert_eq!(pace.ended(Clock::Cpu, true).verdict, timeout);
        }
        pace.note(&Verdict::Unfinished);
        assert_eq!(pace.over().unwrap().verdict, Verdict::Unfinished);
    }

    #[test]
    fn what_is_only_observed_does_not_time_out() {
        let observed = pace(Purpose::Observation);
        for (clock, loading) in [(Clock::Cpu, false), (Clock::Idle, true), (Clock::Wall, false)] {
            assert_eq!(observed.ended(clock, loading).verdict, Verdict::Unfinished);
        }
        assert_eq!(observed.limits(false).idle, Duration::from_millis(500));
        assert_eq!(observed.limits(true).cpu, Duration::from_millis(1500));
        let traced = pace(Purpose::Trace(Duration::from_secs(2)));
        assert_eq!(traced.limits(false).cpu, Duration::from_secs(2));
        // A limit that is short anyway is the whole limit.
        let limits = Limits { cpu: LEAST, idle: LEAST, ..Limits::default() };
        let short = Pace::new(&Arc::new(limits), Purpose::Observation);
        assert_eq!(short.ended(Clock::Cpu, false).verdict, Verdict::Timeout { clock: Clock::Cpu });
    }
}
