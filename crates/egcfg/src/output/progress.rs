//! Progress on standard error. On a terminal: one live block with the code as it grows, what the candidates did and how
//! many tests pass. Elsewhere: plain lines.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};

use egcfg_guidance::{Event, Stop};

use crate::output::text::{note, visible};

/// How much to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// A block that is redrawn.
    Live,
    /// Lines; with the number of `-v` flags.
    Lines(u8),
}

impl View {
    /// The view that fits standard error; many tasks at the same time share lines.
    pub(crate) fn choose(verbose: u8, tasks: usize) -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        if std::io::stderr().is_terminal() && !dumb && tasks == 1 && verbose == 0 {
            Self::Live
        } else {
            Self::Lines(verbose)
        }
    }
}

/// Progress of one task.
pub(crate) struct Progress {
    view: View,
    /// Put before plain lines when several tasks run.
    prefix: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    head: String,
    code: String,
    signal: String,
    /// Lines of the block on screen.
    drawn: usize,
    candidates: usize,
}

impl Progress {
    pub(crate) fn new(view: View, prefix: &str) -> Self {
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}: ") };
        Self { view, prefix, state: Mutex::default() }
    }

    /// Takes one event.
    pub(crate) fn show(&self, event: &Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Start { gamma, config, retry, .. } => {
                let again = if *retry > 0 { format!(", retry {retry}") } else { String::new() };
                state.head = if *gamma == 0.0 {
                    format!("plain decoding{again}")
                } else {
                    format!("gamma {gamma}, {config}{again}")
                };
                state.code.clear();
                state.signal.clear();
                self.line(0, &state.head);
            }
            Event::Token { text, instead_of, .. } => {
                state.code.push_str(text);
                if let Some(instead) = instead_of {
                    self.line(2, &format!("guidance wrote {text:?} instead of {instead:?}"));
                }
            }
            Event::Candidates { candidates, .. } => state.candidates = candidates.len(),
            Event::Executions { runs, .. } => {
                let passing =
                    runs.iter().filter(|run| run.results.iter().all(|r| r.verdict.passed())).count();
                let best = runs
                    .iter()
                    .map(|run| run.results.iter().filter(|r| r.verdict.passed()).count())
                    .max()
                    .unwrap_or(0);
                let tests = runs.first().map_or(0, |run| run.results.len());
                let (all, distinct) = (state.candidates, runs.len());
                state.signal = format!(
                    "{all} candidates, {distinct} distinct, {passing} pass all tests, the best {best} of {tests}"
                );
                self.line(1, &state.signal);
            }
            Event::Warning { message } => self.line(0, &format!("warning: {message}")),
            Event::Stopped { reason, .. } => self.line(1, &format!("stopped: {}", words(*reason))),
            Event::Verdict { results, .. } => {
                let passes = results.iter().filter(|r| r.verdict.passed()).count();
                let mut line = format!("{}: {passes} of {} tests pass", state.head, results.len());
                if let Some(first) = results.iter().find(|r| !r.verdict.passed()) {
                    let _ = write!(line, " ({})", visible(&first.verdict.to_string()));
                }
                self.erase(&mut state);
                if self.view == View::Live {
                    note(&line);
                } else {
                    self.line(0, &line);
                }
                return;
            }
            _ => {}
        }
        if self.view == View::Live {
            self.draw(&mut state);
        }
    }

    /// A plain line, for the views that want it.
    fn line(&self, level: u8, text: &str) {
        if let View::Lines(verbose) = self.view {
            if verbose >= level {
                note(&format!("{}{}", self.prefix, visible(text)));
            }
        } else if level == 0 && text.starts_with("warning") {
            note(text);
        }
    }

    fn draw(&self, state: &mut State) {
        self.erase(state);
        let code = visible(&state.code);
        let mut lines: Vec<&str> = vec![&state.head];
        // The last lines of a long program: the block must fit on a screen.
        let all: Vec<&str> = code.lines().collect();
        lines.extend(&all[all.len().saturating_sub(16)..]);
        if !state.signal.is_empty() {
            lines.push(&state.signal);
        }
        let block: String =
            lines.iter().map(|line| line.chars().take(100).collect::<String>() + "\n").collect();
        state.drawn = lines.len();
        let _ = std::io::stderr().write_all(block.as_bytes());
    }

    fn erase(&self, state: &mut State) {
        if self.view == View::Live && state.drawn > 0 {
            let _ = write!(std::io::stderr(), "\u{1b}[{}A\u{1b}[J", state.drawn);
            state.drawn = 0;
        }
    }
}

/// Why a generation stopped, in words.
pub(crate) fn words(stop: Stop) -> &'static str {
    match stop {
        Stop::EndOfText => "the model ended its answer",
        Stop::Fence => "the code block was closed",
        Stop::Length => "the token limit was reached",
        Stop::Agreement => "all candidates agree",
        Stop::CandidatePassed => "a candidate passes every test",
    }
}
