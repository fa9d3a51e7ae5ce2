//! The readable renderings of a trace. `full` follows the layout that the published method's users know (depth marks and
//! state on one line, event and source on the next); `minimal` is the state in which the task's function ended;
//! `compact` is one short line, made for small models with small contexts.

use std::fmt::Write as _;

use crate::trace::{Event, Local, Outcome, Step, Trace};

/// Renders every step: a line of depth marks and state, then the event and its source line, then (for a step that
/// leaves a frame) `Return Value:`.
pub fn full(trace: &Trace) -> String {
    let mut text = String::new();
    for step in &trace.steps {
        let event = match step.event {
            Event::Call => "CALL",
            Event::Line => "LINE",
            Event::Return => "RETURN",
            Event::Exception => "EXCEPTION",
        };
        let marks = "=".repeat(step.depth as usize);
        let _ = writeln!(text, "{marks} {}\n{event}: {}", state(&step.locals), step.source);
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

fn state(locals: &[Local]) -> String {
    let dict = |value: fn(&Local) -> String| {
        let pairs: Vec<String> = locals.iter().map(|l| format!("'{}': {}", l.name, value(l))).collect();
        format!("{{{}}}", pairs.join(", "))
    };
    format!("{} , {}", dict(|l| l.value.clone()), dict(|l| format!("'{}'", l.type_name)))
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {}:{} {}", self.event, self.function, self.line, self.source.trim())
    }
}
