//! What `solve` shows of a task while it works, from its events. On a terminal: a live block with the code as it grows, what the
//! candidates did and how many tests pass. Elsewhere: plain lines, and one every few seconds that says that work goes on.

use std::fmt::Write as _;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use egcfg_guidance::{Event, Stop};
use egcfg_task::TestResult;
use indicatif::{ProgressBar, ProgressStyle};

use crate::output::terminal;
use crate::output::text::{note, visible};

/// Between two plain lines that say that work goes on.
const PAUSE: Duration = Duration::from_secs(10);
/// Lines of code in the block: it must fit on a screen.
const CODE: usize = 16;

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
        if terminal::draws() && tasks == 1 && verbose == 0 { Self::Live } else { Self::Lines(verbose) }
    }
}

/// A program that stands in for an answer when the work is broken off.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Best {
    pub(crate) program: String,
    /// One result per shown test.
    pub(crate) results: Vec<TestResult>,
}

impl Best {
    /// Tests that pass.
    pub(crate) fn passes(&self) -> usize {
        TestResult::passes(&self.results)
    }
}

/// Progress of one task.
pub(crate) struct Progress {
    view: View,
    /// Put before plain lines when several tasks run.
    prefix: String,
    state: Arc<Mutex<State>>,
    block: Option<ProgressBar>,
    /// While it is there, a thread says that work goes on.
    beat: Mutex<Option<Sender<()>>>,
}

#[derive(Default)]
struct State {
    head: String,
    code: String,
    signal: String,
    tokens: usize,
    candidates: usize,
    /// Programs of the tree.
    grown: usize,
    /// The tree is at work: its programs have no line each.
    searching: bool,
    /// The program that was written last, until it is judged.
    written: String,
    best: Option<Best>,
}

impl Progress {
    /// Begins; the prefix stands before plain lines where several tasks run.
    pub(crate) fn new(view: View, prefix: &str) -> Self {
        let state = Arc::new(Mutex::new(State { head: "begins".to_owned(), ..State::default() }));
        let block = (view == View::Live).then(|| {
            let template = "{spinner} {prefix}, {elapsed}{msg}";
            let style =
                ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner());
            let block = terminal::add(ProgressBar::new_spinner().with_style(style));
            block.enable_steady_tick(Duration::from_millis(200));
            block
        });
        let beat = (view != View::Live && prefix.is_empty()).then(|| beat(Arc::clone(&state)));
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}: ") };
        Self { view, prefix, state, block, beat: Mutex::new(beat) }
    }

    /// The best program so far: one that was run, by the shown tests that it passes.
    pub(crate) fn best(&self) -> Option<Best> {
        lock(&self.state).best.clone()
    }

    /// The task is over: the block leaves the screen.
    pub(crate) fn end(&self) {
        self.beat.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(block) = &self.block {
            block.finish_and_clear();
        }
    }

    /// Takes one event.
    pub(crate) fn show(&self, event: &Event) {
        let mut state = lock(&self.state);
        match event {
            Event::Start { gamma, config, retry, .. } => {
                if std::mem::take(&mut state.searching) {
                    self.line(0, &format!("{}: {}", state.head, state.signal));
                }
                let again = if *retry > 0 { format!(", retry {retry}") } else { String::new() };
                state.head = if *gamma == 0.0 {
                    format!("plain decoding{again}")
                } else {
                    format!("gamma {gamma}, {config}{again}")
                };
                state.code.clear();
                state.signal.clear();
                state.tokens = 0;
                self.line(0, &state.head);
            }
            Event::Token { text, instead_of, .. } => {
                state.code.push_str(text);
                state.tokens += 1;
                if let Some(instead) = instead_of {
                    self.line(2, &format!("guidance wrote {text:?} instead of {instead:?}"));
                }
            }
            Event::Grown { policy, programs, .. } => {
                state.searching = true;
                state.grown += programs.len();
                state.tokens += programs.iter().map(|program| program.new_tokens).sum::<usize>();
                state.head = format!("search ({policy}), {} programs", state.grown);
                if let Some(last) = programs.last() {
                    state.code.clone_from(&last.text);
                }
            }
            Event::Candidates { candidates, .. } => state.candidates = candidates.len(),
            Event::Executions { runs, .. } => {
                for run in runs {
                    state.offer(&run.program, &run.results);
                }
                let passing =
                    runs.iter().filter(|run| run.results.iter().all(|r| r.verdict.passed())).count();
                let best = runs.iter().map(|run| TestResult::passes(&run.results)).max().unwrap_or(0);
                let tests = runs.first().map_or(0, |run| run.results.len());
                let (all, distinct) = (state.candidates, runs.len());
                state.signal = format!(
                    "{all} candidates, {distinct} distinct, {passing} pass all tests, the best {best} of {tests}"
                );
                self.line(1, &state.signal);
            }
            Event::Warning { message } => self.line(0, &format!("warning: {message}")),
            Event::Stopped { reason, program, .. } => {
                state.written.clone_from(program);
                self.line(1, &format!("stopped: {}", words(*reason)));
            }
            Event::Verdict { results, .. } => {
                let program = std::mem::take(&mut state.written);
                state.offer(&program, results);
                let mut line = format!(
                    "{}: {} of {} tests pass",
                    state.head,
                    TestResult::passes(results),
                    results.len()
                );
                if let Some(first) = results.iter().find(|r| !r.verdict.passed()) {
                    let _ = write!(line, " ({})", first.verdict);
                }
                if state.searching && TestResult::passes(results) < results.len() {
                    let best = state.best.as_ref().map_or(0, Best::passes);
                    state.signal = format!("the best so far passes {best} of {} tests", results.len());
                    self.line(1, &line);
                } else {
                    note(&format!("{}{line}", self.prefix));
                }
            }
            _ => {}
        }
        if let Some(block) = &self.block {
            draw(block, &state);
        }
    }

    /// A plain line, for the views that want it.
    fn line(&self, level: u8, text: &str) {
        let wanted = match self.view {
            View::Lines(verbose) => verbose >= level,
            View::Live => level == 0 && text.starts_with("warning"),
        };
        if wanted {
            note(&format!("{}{text}", self.prefix));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

impl State {
    /// Keeps a program that passes more tests than the best so far.
    fn offer(&mut self, program: &str, results: &[TestResult]) {
        if self.best.as_ref().is_none_or(|best| TestResult::passes(results) > best.passes()) {
            self.best = Some(Best { program: program.to_owned(), results: results.to_vec() });
        }
    }

    /// What the model does now.
    fn doing(&self) -> String {
        match self.tokens {
            0 => format!("{}: reading the prompt", self.head),
            1 => format!("{}: 1 token", self.head),
            n => format!("{}: {n} tokens", self.head),
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The block: what the model does, the last lines of its code, what the candidates did.
fn draw(block: &ProgressBar, state: &State) {
    let columns = terminal::columns();
    let cut = |line: &str, columns: usize| {
        console::truncate_str(&line.replace('\t', "    "), columns, "…").into_owned()
    };
    let fit = |line: &str| cut(line, columns - 1);
    // Beside it stand the spinner and the time.
    block.set_prefix(cut(&visible(&state.doing()), columns - 12));
    let code = visible(&state.code).into_owned();
    let all: Vec<&str> = code.lines().collect();
    let shown = all[all.len().saturating_sub(CODE)..].iter().copied();
    let signal = Some(state.signal.as_str()).filter(|signal| !signal.is_empty());
    let lines = shown.chain(signal);
    block.set_message(lines.fold(String::new(), |text, line| text + "\n" + &fit(line)));
}

/// Says every few seconds that work goes on, until what is returned is dropped.
fn beat(state: Arc<Mutex<State>>) -> Sender<()> {
    let (alive, gone) = mpsc::channel::<()>();
    let began = Instant::now();
    std::thread::spawn(move || {
        while gone.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
            let doing = lock(&state).doing();
            note(&format!("{doing}, {:.0} s", began.elapsed().as_secs_f64()));
        }
    });
    alive
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
