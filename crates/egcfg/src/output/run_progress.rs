//! Progress of a run on standard error, from its events: what happens now and then in lines of its own, the rest as a line every
//! few seconds.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use egcfg_bench::run::{RunEvent, RunSink};

use crate::output::text::{note, visible};

/// At most one line of plain progress in this time.
const PAUSE: Duration = Duration::from_secs(5);

/// Prints events.
pub(crate) struct RunProgress {
    verbose: bool,
    state: Mutex<State>,
}

struct State {
    total: usize,
    settled: usize,
    published: usize,
    passed: usize,
    tokens: usize,
    began: Instant,
    said: Option<Instant>,
}

impl RunProgress {
    pub(crate) fn new(verbose: bool) -> Self {
        let state = State {
            total: 0,
            settled: 0,
            published: 0,
            passed: 0,
            tokens: 0,
            began: Instant::now(),
            said: None,
        };
        Self { verbose, state: Mutex::new(state) }
    }
}

impl RunSink for RunProgress {
    fn emit(&self, event: &RunEvent<'_>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            RunEvent::Surveyed { done, dropped, failed, total } => {
                (state.total, state.settled) = (*total, done + dropped + failed);
                let mut line = format!("{total} units, {done} of them done");
                if *dropped > 0 {
                    let _ = write!(line, ", {dropped} of solved tasks");
                }
                if *failed > 0 {
                    let _ = write!(line, ", {failed} given up after errors");
                }
                note(&line);
            }
            RunEvent::Began { unit, epoch } => {
                if *epoch > 1 {
                    note(&visible(&format!("{} is taken over (claim {epoch})", unit.label())));
                } else if self.verbose {
                    note(&visible(&format!("{} begins", unit.label())));
                }
            }
            RunEvent::Published { unit, passed, shown_passed, tokens, seconds } => {
                state.published += 1;
                state.passed += usize::from(*passed);
                state.tokens += tokens;
                if self.verbose {
                    let word = match (passed, shown_passed) {
                        (true, _) => "passed",
                        (false, true) => "passes the shown tests only",
                        _ => "not passed",
                    };
                    note(&visible(&format!("{}: {word}, {tokens} tokens, {seconds:.1} s", unit.label())));
                }
                if state.said.is_none_or(|at| at.elapsed() >= PAUSE) {
                    state.said = Some(Instant::now());
                    let rate = state.published as f64 / state.began.elapsed().as_secs_f64().max(0.001);
                    note(&format!(
                        "this agent: {} units, {} passed, {} tokens, {rate:.2} units/s; {} units were settled when it began, {} in all",
                        state.published, state.passed, state.tokens, state.settled, state.total
                    ));
                }
            }
            RunEvent::Lost { unit } => note(&visible(&format!(
                "{} was taken over by another agent meanwhile: nothing of it is published here",
                unit.label()
            ))),
            RunEvent::Dropped { unit } => {
                note(&visible(&format!("{} is dropped: its task was solved elsewhere", unit.label())));
            }
            RunEvent::Failed { unit, attempt, message, last } => {
                let then = if *last { "given up" } else { "tried again later" };
                let line = format!("warning: {}: {message} (attempt {attempt}, {then})", unit.label());
                note(&visible(&line));
            }
            RunEvent::Waiting { held } => note(&format!("waiting for {held} units that other agents hold")),
        }
    }
}
