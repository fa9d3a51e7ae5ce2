//! Brings a trace of ours into the form in which the published implementation prints it, by the differences that
//! `egcfg_task`'s renderings list, so that its sample files can be compared text by text.

use std::fmt::Write as _;

use egcfg_task::{Event, Local, Outcome, Step, Trace};

/// A sample file: its program, its invocation, and its two renderings.
pub(crate) struct Sample {
    pub(crate) program: String,
    pub(crate) invocation: String,
    pub(crate) full: String,
    pub(crate) minimal: String,
}

/// Reads a sample file.
pub(crate) fn sample(text: &str) -> Sample {
    let between = |start: &str, end: &str| {
        let from = text.find(start).map(|at| at + start.len()).expect("a marker");
        let rest = &text[from..];
        &rest[..rest.find(end).expect("an end marker")]
    };
    let program = between("##### PROGRAM", "##### TESTS");
    let traces: Vec<&str> = text
        .split("##### TRACE BEGIN")
        .skip(1)
        .map(|part| {
            part.split_once('\n').and_then(|(_, rest)| rest.split_once("##### TRACE END")).expect("a trace").0
        })
        .collect();
    Sample {
        program: program.split_once('\n').expect("lines").1.to_owned(),
        invocation: between("##### INVOCATION: ", "\n").to_owned(),
        full: without_definitions(traces[0]),
        minimal: sorted_sets(traces[1].trim_end()),
    }
}

/// A sample's steps from the invocation on: what runs the definitions before it is left out.
fn without_definitions(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let start = lines.iter().position(|line| line.starts_with("== ")).expect("a call") - 2;
    sorted_sets(&lines[start..].join("\n"))
}

/// Puts the elements inside each quoted set in order.
fn sorted_sets(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\"{") {
        let (inside, tail) = after.split_once("}\"").expect("the set's end");
        let mut elements: Vec<&str> = inside.split(", ").collect();
        elements.sort_unstable();
        let _ = write!(out, "{before}\"{{{}}}\"", elements.join(", "));
        rest = tail;
    }
    out + rest
}

/// Our steps in the other form.
pub(crate) fn full(trace: &Trace) -> String {
    let mut lines = Vec::new();
    // Per depth: the frame's last step and the last line of it that was shown.
    let mut frames: Vec<(&Step, Option<u32>)> = Vec::new();
    for step in &trace.steps {
        let depth = step.depth as usize;
        frames.truncate(depth);
        if frames.len() < depth {
            frames.push((step, None));
        }
        let frame = &mut frames[depth - 1];
        let (before, shown) = *frame;
        frame.0 = step;
        match step.event {
            Event::Call => lines.push(format!("{}\nCALL: {}", state(step), step.source)),
            Event::Line => {
                let indent = |step: &Step| step.source.len() - step.source.trim_start().len();
                let again = step.source.trim_start().starts_with("for ")
                    && before.event == Event::Line
                    && indent(before) > indent(step);
                if !again && shown != Some(step.line) {
                    frame.1 = Some(step.line);
                    lines.push(format!("{}\nLINE: {}", state(step), step.source));
                }
            }
            // Shown in the frame that called; the invocation has a step of its own for that.
            Event::Return if depth == 2 => {}
            Event::Return => {
                let caller = if depth == 1 { step } else { frames[depth - 2].0 };
                lines.push(format!("{}\nRETURN: {}\n{}", state(caller), caller.source, outcome(step)));
            }
            Event::Exception => {
                lines.push(format!("{}\nEXCEPTION: {}\n{}", state(step), step.source, outcome(step)));
            }
        }
    }
    lines.join("\n")
}

/// Our final state in the other form.
pub(crate) fn minimal(trace: &Trace) -> String {
    let (_, end) = trace.function_end().expect("a call");
    state(end).trim_start_matches('=').trim_start().to_owned()
}

fn outcome(step: &Step) -> String {
    match step.outcome.as_ref().expect("an outcome") {
        Outcome::Returned(value) => format!("Return Value: {value}"),
        Outcome::Raised { exception, message } => {
            format!("Return Value: (<class '{exception}'>, {exception}('{message}'), <traceback object")
        }
    }
}

fn state(step: &Step) -> String {
    let pairs = |text: fn(&Local) -> String| {
        let all: Vec<String> =
            step.locals.iter().map(|local| format!("'{}': {}", local.name, text(local))).collect();
        all.join(", ")
    };
    format!("{} {{{}}} , {{{}}}", "=".repeat(step.depth as usize), pairs(value), pairs(type_name))
}

fn value(local: &Local) -> String {
    match local.type_name.as_str() {
        "tuple" => format!("[{}]", local.value.trim_matches(|c| c == '(' || c == ')')),
        "set" if local.value.contains('\'') => format!("\"{}\"", local.value),
        "set" | "function" => format!("'{}'", local.value),
        _ => local.value.clone(),
    }
}

fn type_name(local: &Local) -> String {
    if local.type_name == "function" { "'Function'".to_owned() } else { format!("'{}'", local.type_name) }
}
