//! What the runs of a program say, in words for a message: the call, what was expected, what came, and the story of the
//! run: one line per executed line with the values that it set.

use std::fmt::Write as _;

use egcfg_python::split_assert;
use egcfg_task::{Event, Local, Observation, Outcome, Task, Test, Trace};
use minijinja::{Value, context};

/// Runs shown in one message; the first has its story.
const RUNS: usize = 3;
/// Characters of one value.
const VALUE: usize = 80;
/// Characters of an input or of expected output.
const INPUT: usize = 1500;

/// The failing runs of a program as a message's `runs`. The first one's story has at most `lines` lines; 0 leaves it out.
pub(super) fn failures(task: &Task, seen: &[Observation], lines: usize) -> Value {
    let failing = task.shown_tests.iter().zip(seen).filter(|(_, seen)| !seen.result.verdict.passed());
    let runs: Vec<Value> = failing
        .take(RUNS)
        .enumerate()
        .map(|(place, (test, seen))| {
            let trace = seen.trace.as_ref().filter(|_| place == 0);
            let story = trace.map_or_else(String::new, |trace| story(trace, lines));
            let Case { call, input, expected } = case(task, test);
            let mut outcome = seen.result.verdict.to_string();
            if let Some(error) = &seen.result.error {
                let _ = write!(outcome, ": {}", cut(error, INPUT));
            }
            let got = seen.result.got.as_ref().map(|got| cut(got, INPUT));
            context! { call, input, expected, got, outcome, story }
        })
        .collect();
    Value::from(runs)
}

/// Where the first failing test stands among the shown ones.
pub(super) fn first_failing(seen: &[Observation]) -> Option<usize> {
    seen.iter().position(|seen| !seen.result.verdict.passed())
}

/// A test, taken apart.
pub(super) struct Case {
    /// The tested call, or the whole statement where it has no such shape.
    pub(super) call: String,
    /// What a stdin/stdout program reads.
    pub(super) input: Option<String>,
    /// What should come out.
    pub(super) expected: Option<String>,
}

/// Takes a test apart.
pub(super) fn case(task: &Task, test: &Test) -> Case {
    match test {
        Test::Assert(source) => {
            let parts = split_assert(
                source,
                Some(&task.entry_point).filter(|name| !name.is_empty()).map(|n| n.as_str()),
            );
            match parts {
                Some(parts) => Case { call: parts.call, input: None, expected: parts.expected },
                None => Case { call: cut(source.trim(), INPUT), input: None, expected: None },
            }
        }
        Test::Stdio { stdin, stdout } => Case {
            call: "solve()".to_owned(),
            input: Some(cut(stdin.trim_end(), INPUT)),
            expected: Some(cut(stdout.trim_end(), INPUT)),
        },
    }
}

/// A frame of the story: the locals last seen, and which line of the story the next change belongs to.
struct Frame {
    depth: u32,
    locals: Vec<Local>,
    line: Option<usize>,
}

/// A trace as one line per executed line, with what the line changed behind it. Locals are known before a line runs, so a
/// change is seen at the next step of the same frame.
pub(super) fn story(trace: &Trace, limit: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut frames: Vec<Frame> = Vec::new();
    // The invocation itself has depth 1; its steps say nothing that the call does not.
    for step in trace.steps.iter().filter(|step| step.depth >= 2 && step.instruction.is_none()) {
        let entered = step.event == Event::Call;
        frames.retain(|frame| frame.depth < step.depth || (frame.depth == step.depth && !entered));
        let indent = "  ".repeat(step.depth as usize - 2);
        match frames.last_mut().filter(|frame| frame.depth == step.depth) {
            Some(frame) => {
                let changed: Vec<String> =
                    step.locals.iter().filter(|local| !frame.locals.contains(local)).map(binding).collect();
                if let Some(line) =
                    frame.line.and_then(|at| lines.get_mut(at)).filter(|_| !changed.is_empty())
                {
                    let _ = write!(line, "    # {}", changed.join(", "));
                }
                frame.locals.clone_from(&step.locals);
            }
            None => frames.push(Frame { depth: step.depth, locals: step.locals.clone(), line: None }),
        }
        let text = match (step.event, &step.outcome) {
            (Event::Call, _) => {
                let arguments: Vec<String> = step.locals.iter().map(binding).collect();
                format!("{indent}call {}({})", step.function, arguments.join(", "))
            }
            (_, Some(Outcome::Returned(value))) => {
                format!("{indent}return value of {}: {}", step.function, cut(value, VALUE))
            }
            (_, Some(Outcome::Raised { exception, message })) => {
                format!("{indent}raised in {}: {exception}: {}", step.function, cut(message, VALUE))
            }
            (_, None) => format!("{indent}{}: {}", step.line, step.source.trim_end()),
        };
        if step.event == Event::Line
            && let Some(frame) = frames.last_mut()
        {
            frame.line = Some(lines.len());
        }
        lines.push(text);
    }
    if trace.cut.is_some() {
        lines.push("... (the record of the run ends here, the run did not)".to_owned());
    }
    middle(&lines, limit)
}

/// At most `limit` lines, the middle left out with a mark that counts as one.
fn middle(lines: &[String], limit: usize) -> String {
    if lines.len() <= limit {
        return lines.join("\n");
    }
    let Some(kept) = limit.checked_sub(1) else { return String::new() };
    let (head, tail) = (kept.div_ceil(2), kept / 2);
    let mark = format!("... ({} lines left out)", lines.len() - kept);
    let (first, last) = (&lines[..head], &lines[lines.len() - tail..]);
    [first, &[mark], last].concat().join("\n")
}

fn binding(local: &Local) -> String {
    format!("{} = {}", local.name, cut(&local.value, VALUE))
}

/// A text of at most `limit` characters, with a mark where the rest is missing.
pub(super) fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}
