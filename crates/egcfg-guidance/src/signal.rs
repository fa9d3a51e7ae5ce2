//! The signal block: what running the candidates showed, as text for the guided prompt. Entries are ordered worst first,
//! best last; a budget in tokens shortens whole traces from the middle, never in mid-line.

use std::fmt::Write as _;

use egcfg_model::{Encode, LanguageModel, ModelError, TokenId};
use egcfg_python::split_assert;
use egcfg_task::{Event as Ev, Form, Observation, Outcome, Task, Test, Trace, Verdict};

use crate::candidate::Executed;
use crate::prompt::Seam;
use crate::settings::SignalStyle;

/// A signal block ready to stand in a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Block {
    pub(crate) text: String,
    pub(crate) tokens: Vec<TokenId>,
    /// Trace lines left out.
    pub(crate) omitted: usize,
    /// Entries shown.
    pub(crate) entries: usize,
}

/// What a block is made for.
pub(crate) struct Writer<'a> {
    pub(crate) model: &'a dyn LanguageModel,
    pub(crate) task: &'a Task,
    pub(crate) style: SignalStyle,
    pub(crate) heading: Option<&'a str>,
    /// Open each entry with its outcomes and add what was expected.
    pub(crate) outcome: bool,
    /// Token budget.
    pub(crate) budget: usize,
    /// What the block opens and ends with where it stands inside a token of the plain prompt.
    pub(crate) seam: &'a Seam,
}

const HEADING: &str = "### Runs\nPrograms that begin like the code below were run on the tests. Each run shows the program, the call and, \
step by step, the variables and the line that ran next. Use what the runs show to write code that passes.\n\n";

/// Characters of a value in the compact style.
const COMPACT_VALUE: usize = 60;

impl Writer<'_> {
    /// Writes the block; empty entries give an empty block (plain decoding).
    pub(crate) fn write(&self, entries: &[Executed]) -> Result<Block, ModelError> {
        Ok(self.within(entries, self.budget)?.0)
    }

    /// The block within a budget: the traces as long as they fit together, else without the worst entries. Also the lines
    /// to which traces were cut.
    pub(crate) fn within(&self, entries: &[Executed], budget: usize) -> Result<(Block, usize), ModelError> {
        let mut shown = entries;
        while !shown.is_empty() {
            let mut lines = usize::MAX;
            loop {
                let (block, longest) = self.attempt(shown, lines)?;
                if block.tokens.len() <= budget {
                    return Ok((block, lines));
                }
                if longest <= 2 {
                    break;
                }
                // Aim at the budget in proportion, at least one line less.
                let scaled = longest * budget / block.tokens.len().max(1);
                lines = scaled.clamp(2, longest - 1);
            }
            // Even the shortest traces are too long together: the worst entry goes.
            shown = &shown[1..];
        }
        Ok((Block::default(), usize::MAX))
    }

    /// One try with at most `lines` lines per trace; also the longest trace's number of lines after cutting.
    pub(crate) fn attempt(&self, entries: &[Executed], lines: usize) -> Result<(Block, usize), ModelError> {
        let mut block = Block { entries: entries.len(), ..Block::default() };
        let mut longest = 0;
        let mut parts = vec![format!("{}{}", self.seam.lead, self.heading.unwrap_or(HEADING))];
        for (number, entry) in entries.iter().enumerate() {
            let mut cut = Cutter { lines, longest: 0, omitted: 0 };
            parts.push(match self.style {
                SignalStyle::Compact => {
                    let finished = entry.candidate.finished;
                    compact_entry(self.task, &entry.program, finished, &entry.observations, self.outcome)
                }
                SignalStyle::Full | SignalStyle::Minimal => self.long_entry(number + 1, entry, &mut cut),
            });
            longest = longest.max(cut.longest);
            block.omitted += cut.omitted;
        }
        if let Some(last) = parts.last_mut() {
            last.push_str(&self.seam.trail);
        }
        for part in parts {
            // Entry by entry, so that an entry gives the same tokens wherever it stands.
            block.tokens.extend(self.model.encode(&part, Encode::Plain)?);
            block.text.push_str(&part);
        }
        Ok((block, longest))
    }

    /// Code, then per test its call and the trace, in sections.
    fn long_entry(&self, number: usize, entry: &Executed, cut: &mut Cutter) -> String {
        let mut text = format!("#### Run {number}\n");
        if self.outcome {
            for (test, seen) in self.task.shown_tests.iter().zip(entry.observations.iter()) {
                let _ =
                    writeln!(text, "{}: {}", call(self.task, test), self.outcome_words(entry, test, seen));
            }
        }
        let _ = writeln!(text, "```python\n{}\n```", entry.program.trim_end());
        for (test, seen) in self.task.shown_tests.iter().zip(entry.observations.iter()) {
            match test {
                Test::Assert(_) => _ = writeln!(text, "Call: {}", call(self.task, test)),
                Test::Stdio { stdin, stdout, .. } => {
                    let _ = writeln!(text, "Call: solve()\nInput:\n{}", stdin.trim_end());
                    let _ = writeln!(text, "Expected output:\n{}", stdout.trim_end());
                }
            }
            let Some(trace) = &seen.trace else {
                let _ = writeln!(text, "It did not run: {}\n", seen.result.verdict);
                continue;
            };
            let body = match self.style {
                SignalStyle::Minimal => egcfg_task::minimal(trace),
                SignalStyle::Full | SignalStyle::Compact => egcfg_task::full(trace),
            };
            let _ = writeln!(text, "Trace:\n{}", cut.middle(&body));
        }
        text
    }

    /// The words of one outcome in the long styles, with what was expected.
    fn outcome_words(&self, entry: &Executed, test: &Test, seen: &Observation) -> String {
        let word = word(entry.candidate.finished, seen);
        match (word, expected(self.task, test), &seen.result.got) {
            ("pass", _, _) => "passes".to_owned(),
            ("fail", Some(expected), Some(got)) => format!("fails, gives {got} and not {expected}"),
            ("fail", Some(expected), None) => format!("fails, expected {expected}"),
            ("fail", None, _) => "fails".to_owned(),
            ("open", _, _) => "unfinished".to_owned(),
            _ => {
                let error = seen.result.error.as_deref().unwrap_or_default();
                format!("raises: {} {error}", seen.result.verdict).trim_end().to_owned()
            }
        }
    }
}

/// An executed candidate in the compact style, which the embedded model was trained on: its outcomes (where `outcome` is
/// on), its code, one line per shown test. The first test that does not pass shows the changed variables.
pub fn compact_entry(
    task: &Task,
    program: &str,
    finished: bool,
    observations: &[Observation],
    outcome: bool,
) -> String {
    let mut text = String::new();
    if outcome {
        let words: Vec<&str> = observations.iter().map(|seen| word(finished, seen)).collect();
        let _ = writeln!(text, "# {}", words.join(" "));
    }
    let _ = writeln!(text, "{}", program.trim_end());
    let mut explained = false;
    for (test, seen) in task.shown_tests.iter().zip(observations) {
        let word = word(finished, seen);
        let _ = write!(text, "# {}: ", call(task, test));
        if word != "pass" && !explained {
            explained = true;
            let state =
                seen.trace.as_ref().map(|t| egcfg_task::compact(t, COMPACT_VALUE)).unwrap_or_default();
            if !state.is_empty() {
                let _ = write!(text, "{state} ");
            }
        }
        let got = seen.result.got.as_deref().unwrap_or("?");
        match (word, expected(task, test)) {
            ("open", _) => text.push_str("open"),
            ("raise", _) => match &seen.result.verdict {
                Verdict::Exception { exception } => _ = write!(text, "raises {exception}"),
                other => _ = write!(text, "{other}"),
            },
            ("fail", Some(expected)) if outcome => _ = write!(text, "gives {got} not {expected}"),
            _ => _ = write!(text, "gives {got}"),
        }
        text.push('\n');
    }
    text
}

/// The tested call as the test writes it.
fn call(task: &Task, test: &Test) -> String {
    match test {
        Test::Assert(source) => split_assert(source, Some(&task.entry_point))
            .map_or_else(|| source.trim().to_owned(), |parts| parts.call),
        Test::Stdio { .. } => "solve()".to_owned(),
    }
}

/// What the test expects, as text, where it compares with something.
fn expected(task: &Task, test: &Test) -> Option<String> {
    match test {
        Test::Assert(source) => {
            split_assert(source, Some(&task.entry_point)).and_then(|parts| parts.expected)
        }
        Test::Stdio { stdout, .. } if task.form == Form::Stdio => Some(format!("{:?}", stdout.trim_end())),
        Test::Stdio { .. } => None,
    }
}

/// pass, fail, raise, or open: unfinished, and the call ended without a return statement.
fn word(finished: bool, seen: &Observation) -> &'static str {
    if seen.result.verdict.passed() {
        "pass"
    } else if matches!(seen.result.verdict, Verdict::WrongAnswer | Verdict::AssertionFailed) {
        let open = !finished && seen.trace.as_ref().is_some_and(fell_off);
        if open { "open" } else { "fail" }
    } else {
        "raise"
    }
}

/// The task's function returned `None` from another line than a `return`.
fn fell_off(trace: &Trace) -> bool {
    trace.function_end().is_some_and(|(_, end)| {
        end.event == Ev::Return
            && end.outcome == Some(Outcome::Returned("None".to_owned()))
            && !end.source.trim_start().starts_with("return")
    })
}

/// Shortens traces to a number of lines.
struct Cutter {
    lines: usize,
    longest: usize,
    omitted: usize,
}

impl Cutter {
    /// Keeps the first and last lines and says how many between them were left out.
    fn middle(&mut self, trace: &str) -> String {
        let all: Vec<&str> = trace.lines().collect();
        self.longest = self.longest.max(all.len().min(self.lines));
        if all.len() <= self.lines {
            return trace.to_owned();
        }
        let (first, last) = (self.lines.div_ceil(2), self.lines / 2);
        let left_out = all.len() - first - last;
        self.omitted += left_out;
        let mut text = all[..first].join("\n");
        let _ = write!(text, "\n... ({left_out} lines left out) ...\n");
        text.push_str(&all[all.len() - last..].join("\n"));
        text.push('\n');
        text
    }
}
