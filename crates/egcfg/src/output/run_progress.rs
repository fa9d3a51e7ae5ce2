//! Progress of a run on standard error, from its events: what happens now and then in lines of its own, the rest as a meter.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use egcfg_bench::run::{RunEvent, RunSink};

use crate::output::meter::{Meter, Steps};
use crate::output::text::note;

/// Shows events.
pub(crate) struct RunProgress {
    verbose: bool,
    meter: Meter,
    counts: Mutex<Counts>,
}

/// What this agent did.
#[derive(Default)]
struct Counts {
    passed: usize,
    tokens: usize,
}

impl RunProgress {
    /// Begins; with `verbose` every unit has a line.
    pub(crate) fn new(verbose: bool) -> Self {
        Self { verbose, meter: Meter::new("units", Steps::Things, 0), counts: Mutex::default() }
    }
}

impl RunSink for RunProgress {
    fn emit(&self, event: &RunEvent<'_>) {
        match event {
            RunEvent::Surveyed { done, dropped, failed, total } => {
                self.meter.begin_at((done + dropped + failed) as u64, *total as u64);
                let mut line = format!("{total} units, {done} of them done");
                if *dropped > 0 {
                    let _ = write!(line, ", {dropped} of solved tasks");
                }
                if *failed > 0 {
                    let _ = write!(line, ", {failed} given up after errors");
                }
                note(&line);
            }
            RunEvent::SetAside { place, reason } => {
                note(&format!(
                    "warning: {place}: {reason}; it is set aside as .unreadable, and its unit is run again"
                ));
            }
            RunEvent::Began { unit, epoch } => {
                if *epoch > 1 {
                    note(&format!("{} is taken over (claim {epoch})", unit.label()));
                } else if self.verbose {
                    note(&format!("{} begins", unit.label()));
                }
            }
            RunEvent::Published { unit, passed, shown_passed, tokens, seconds } => {
                if self.verbose {
                    let word = match (passed, shown_passed) {
                        (true, _) => "passed",
                        (false, true) => "passes the shown tests only",
                        _ => "not passed",
                    };
                    note(&format!("{}: {word}, {tokens} tokens, {seconds:.1} s", unit.label()));
                }
                let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
                counts.passed += usize::from(*passed);
                counts.tokens += tokens;
                self.meter.say(&format!("{} passed, {} tokens by this agent", counts.passed, counts.tokens));
                self.meter.step();
            }
            RunEvent::Lost { unit } => note(&format!(
                "{} was taken over by another agent meanwhile: nothing of it is published here",
                unit.label()
            )),
            RunEvent::Dropped { unit } => {
                note(&format!("{} is dropped: its task was solved elsewhere", unit.label()));
            }
            RunEvent::Failed { unit, attempt, message, last } => {
                let then = if *last { "given up" } else { "tried again later" };
                note(&format!("warning: {}: {message} (attempt {attempt}, {then})", unit.label()));
            }
            RunEvent::Waiting { held } => note(&format!("waiting for {held} units that other agents hold")),
        }
    }
}
