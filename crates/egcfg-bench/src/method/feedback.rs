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
                Some(&task.entry_point).filter(|name| !name.is_empty()).map(String::as_str),
            );
            match parts {
                Some(parts) => Case { call: parts.call, input: None, expected: parts.expected },
                None => Case { call: cut(source.trim(), INPUT), input: None, expected: None },
            }
        }
        Test::Stdio { stdin, stdout, .. } => Case {
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

#[cfg(test)]
mod tests {
    use egcfg_task::{Backend, Step, TRACE_VERSION};
    use proptest::prelude::*;

    use super::*;

    fn step(event: Event, depth: u32, line: u32, locals: &[(&str, &str)], outcome: Option<Outcome>) -> Step {
        let local = |(name, value): &(&str, &str)| Local {
            name: (*name).into(),
            value: (*value).into(),
            type_name: "int".into(),
        };
        Step {
            event,
            depth,
            function: if depth == 2 { "f" } else { "g" }.into(),
            line,
            source: format!("    line_{line}"),
            locals: locals.iter().map(local).collect(),
            outcome,
            instruction: None,
        }
    }

    fn trace(steps: Vec<Step>) -> Trace {
        let (backend, python) = (Backend::Settrace, "3.12".to_owned());
        Trace { version: TRACE_VERSION, backend, python, invocation: "f(1)".into(), steps, cut: None }
    }

    #[test]
    fn a_change_stands_at_the_line_that_made_it_and_frames_are_kept_apart() {
        let back = |value: &str| Some(Outcome::Returned(value.into()));
        let steps = vec![
            step(Event::Line, 1, 0, &[], None),
            step(Event::Call, 2, 1, &[("x", "1")], None),
            step(Event::Line, 2, 2, &[("x", "1")], None),
            // The line calls g twice and then sets y; each call is a frame of its own.
            step(Event::Call, 3, 8, &[("x", "7")], None),
            step(Event::Line, 3, 9, &[("x", "7")], None),
            step(Event::Return, 3, 9, &[("x", "7")], back("8")),
            step(Event::Call, 3, 8, &[("x", "8")], None),
            step(Event::Return, 3, 9, &[("x", "8"), ("z", "0")], back("9")),
            step(Event::Line, 2, 3, &[("x", "1"), ("y", "9")], None),
            step(Event::Return, 2, 3, &[("x", "1"), ("y", "9")], back("9")),
        ];
        let expected = "call f(x = 1)\n2:     line_2    # y = 9\n  call g(x = 7)\n  9:     line_9\n  return value of g: 8\n\
            \u{20} call g(x = 8)\n  return value of g: 9\n3:     line_3\nreturn value of f: 9";
        assert_eq!(story(&trace(steps), 60), expected);
    }

    #[test]
    fn a_long_story_loses_its_middle() {
        let steps = (0..10).map(|line| step(Event::Line, 2, line, &[], None)).collect();
        let text = story(&trace(steps), 4);
        assert_eq!(text, "0:     line_0\n1:     line_1\n... (7 lines left out)\n9:     line_9");
    }

    proptest! {
        #[test]
        fn any_trace_has_a_story_within_its_limit(
            shape in proptest::collection::vec((0_u32..6, 0_u8..4, "[a-z\u{e9}]{0,90}"), 0..40),
            limit in 0_usize..30,
        ) {
            let steps = shape.iter().map(|(depth, kind, value)| {
                let event = [Event::Call, Event::Line, Event::Return, Event::Exception][usize::from(*kind)];
                let outcome = (*kind >= 2).then(|| Outcome::Returned(value.clone()));
                step(event, *depth, 1, &[("x", value)], outcome)
            });
            prop_assert!(story(&trace(steps.collect()), limit).lines().count() <= limit);
        }
    }
}
