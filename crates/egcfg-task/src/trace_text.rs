//! The readable renderings of a trace. `full` follows the layout that the published method's users know (depth marks and
//! state on one line, event and source on the next); `minimal` is the state in which the task's function ended;
//! `compact` is one short line, made for small models with small contexts.
//!
//! `full` has that layout, but shows CPython's own events. What differs from the published implementation's output:
//! - The definitions that run before the invocation have no steps; a trace begins with the invocation.
//! - A return step stands in the frame that returns, with its state, depth and `return` line, and the invocation has one
//!   more; there, the return is shown in the caller's frame only.
//! - The line of a `for` loop shows on every pass; there, only on the first, and so a line that is then the same as the
//!   last one shown does not show again.
//! - There is one depth mark per frame, however deep; there, never more than five.
//! - Tuples are printed as tuples and sets as sets with their elements in order; there, as lists and as quoted texts.
//! - An exception is printed as `Class: message`; there, as the beginning of a Python triple.
//! - What is not a Python literal is quoted, as there: `'<Function f>'`. A comprehension is part of the statement
//!   around it, and a statement over several lines shows its first line.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::trace::{Event, Local, Outcome, Step, Trace};

/// Renders every step: a line of depth marks and state, then the event and its source line, then (for a step that
/// leaves a frame) `Return Value:`.
pub fn full(trace: &Trace) -> String {
    let mut text = String::new();
    for step in &trace.steps {
        let (event, shown) = match (&step.instruction, step.event) {
            (Some(instruction), _) => ("INSTRUCTION", instruction),
            (None, Event::Call) => ("CALL", &step.source),
            (None, Event::Line) => ("LINE", &step.source),
            (None, Event::Return) => ("RETURN", &step.source),
            (None, Event::Exception) => ("EXCEPTION", &step.source),
        };
        let marks = "=".repeat(step.depth as usize);
        let _ = writeln!(text, "{marks} {}\n{event}: {shown}", state(&step.locals));
        match &step.outcome {
            Some(Outcome::Returned(value)) => _ = writeln!(text, "Return Value: {value}"),
            Some(Outcome::Raised { exception, message }) => {
                _ = writeln!(text, "Return Value: {exception}: {message}");
            }
            None => {}
        }
    }
    if let Some(cut) = trace.cut {
        let _ = writeln!(text, "{}", cut_marker(cut));
    }
    text
}

/// The line that marks a trace as cut.
fn cut_marker(cut: crate::trace::Cut) -> &'static str {
    use crate::trace::Cut;
    match cut {
        Cut::Steps => "... (cut: step budget reached)",
        Cut::Time => "... (cut: time budget reached)",
        Cut::Size => "... (cut: size budget reached)",
        Cut::Died => "... (cut: the process ended)",
        Cut::Disabled => "... (cut: the program switched tracing off)",
        Cut::Depth => "... (incomplete: frames too deep to be shown are missing)",
        Cut::Failed => "... (cut: the tracer failed)",
        Cut::Broken => "... (cut: the rest could not be read)",
    }
}

/// Renders only the state in which the task's function ended: values, then types.
pub fn minimal(trace: &Trace) -> String {
    let mut text = trace.function_end().map_or_else(|| state(&[]), |(_, end)| state(&end.locals));
    text.push('\n');
    if let Some(cut) = trace.cut {
        let _ = writeln!(text, "{}", cut_marker(cut));
    }
    text
}

/// The local variables with which the task's function ended, without the arguments that still hold what they were
/// called with.
pub fn minimal_state(trace: &Trace) -> Vec<&Local> {
    let Some((call, end)) = trace.function_end() else { return Vec::new() };
    end.locals.iter().filter(|local| !call.locals.contains(local)).collect()
}

/// Renders the changed locals as `name=value` pairs on one line, each value cut to `limit` characters.
pub fn compact(trace: &Trace, limit: usize) -> String {
    let mut text = String::new();
    for local in minimal_state(trace) {
        if !text.is_empty() {
            text.push(' ');
        }
        let _ = write!(text, "{}=", local.name);
        if local.value.chars().count() > limit {
            text.extend(local.value.chars().take(limit));
            text.push_str("...");
        } else {
            text.push_str(&local.value);
        }
    }
    text
}

/// Two dictionaries: the values of the locals, and their types.
fn state(locals: &[Local]) -> String {
    let dict = |value: fn(&Local) -> Cow<'_, str>| {
        let pairs: Vec<String> =
            locals.iter().map(|local| format!("'{}': {}", local.name, value(local))).collect();
        format!("{{{}}}", pairs.join(", "))
    };
    format!("{} , {}", dict(value), dict(type_name))
}

/// What is no Python literal (`<Function f>`) is quoted, so that the line reads as a dictionary.
fn value(local: &Local) -> Cow<'_, str> {
    if !local.value.starts_with('<') {
        return Cow::Borrowed(&local.value);
    }
    let quote = if local.value.contains('\'') { '"' } else { '\'' };
    Cow::Owned(format!("{quote}{}{quote}", local.value))
}

fn type_name(local: &Local) -> Cow<'_, str> {
    let name = if local.type_name == "function" { "Function" } else { &local.type_name };
    Cow::Owned(format!("'{name}'"))
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {}:{} {}", self.event, self.function, self.line, self.source.trim())
    }
}
