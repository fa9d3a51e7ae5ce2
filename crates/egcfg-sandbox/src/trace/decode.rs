//! Turns the bytes that the tracer wrote (`python/tracer.py` describes them) into a [`Trace`]. The process that wrote them
//! ran an untrusted program, so they may be anything: what cannot be read ends the trace there, marked as cut, and
//! no input makes the decoder panic or take more than a bounded amount of memory.

use std::collections::HashMap;

use egcfg_task::{Backend, Cut, Event, Local, Outcome, Step, TRACE_VERSION, Trace};
use serde_json::Value;

/// The version of the wire format that the tracer announces.
const FORMAT: u64 = 1;
/// Bytes of names, values and lines that one decoded trace may hold. Steps repeat all locals of their frame, so
/// a trace is many times larger than the bytes it comes from.
const DECODED_LIMIT: usize = 64 << 20;
/// What a step, a local or a frame costs besides its text.
const OVERHEAD: usize = 64;
/// Depth marks are one character per level, so a depth beyond any real stack is an attack.
const DEPTH_LIMIT: u64 = 100_000;

/// Decodes one trace; `python` is the version of the interpreter that ran it. `None` when there is not even a header.
pub(crate) fn decode(data: &[u8], python: &str) -> Option<Trace> {
    let mut lines = data.split_inclusive(|&byte| byte == b'\n').map_while(|line| line.strip_suffix(b"\n"));
    let mut trace = header(&record(lines.next()?)?, python)?;
    let mut decoder = Decoder { lines: HashMap::new(), frames: HashMap::new(), size: 0 };
    let mut cut = Some(Cut::Died);
    for line in lines {
        let read = record(line).and_then(|values| decoder.take(&values));
        match read {
            Some(Record::Definition) => {}
            Some(Record::Step(step)) => trace.steps.push(step),
            Some(Record::End(reason)) => {
                cut = reason;
                break;
            }
            None => {
                cut = Some(if decoder.size > DECODED_LIMIT { Cut::Size } else { Cut::Broken });
                break;
            }
        }
    }
    trace.cut = cut;
    Some(trace)
}

/// The trace of an invocation of which nothing is known.
pub(crate) fn empty(python: &str, invocation: &str) -> Trace {
    Trace {
        version: TRACE_VERSION,
        backend: Backend::Settrace,
        python: python.to_owned(),
        invocation: invocation.to_owned(),
        steps: Vec::new(),
        cut: Some(Cut::Died),
    }
}

enum Record {
    Definition,
    Step(Step),
    End(Option<Cut>),
}

/// What is known about a frame: the state as of its last step.
struct Frame {
    depth: u32,
    function: String,
    /// In order of first assignment; `None` once deleted, so that a new assignment takes the old place.
    locals: Vec<Option<Local>>,
    /// Where each name stands in `locals`: a hostile trace has a hundred thousand of them.
    places: HashMap<String, usize>,
    /// Bytes of `locals`; a deleted one still costs its place in each later step.
    size: usize,
}

struct Decoder {
    lines: HashMap<u64, String>,
    frames: HashMap<u64, Frame>,
    size: usize,
}

impl Decoder {
    fn take(&mut self, values: &[Value]) -> Option<Record> {
        match values.first()? {
            Value::String(tag) => self.definition(tag, &values[1..]),
            Value::Number(event) => {
                let event = match event.as_u64()? {
                    0 => Event::Call,
                    1 => Event::Line,
                    2 => Event::Return,
                    3 => Event::Exception,
                    _ => return None,
                };
                self.step(event, &values[1..]).map(Record::Step)
            }
            _ => None,
        }
    }

    fn definition(&mut self, tag: &str, values: &[Value]) -> Option<Record> {
        match (tag, values) {
            ("S", [line, Value::String(text)]) => {
                self.size += text.len() + OVERHEAD;
                self.lines.insert(line.as_u64()?, text.clone());
                Some(Record::Definition)
            }
            ("F", [frame, depth, Value::String(function)]) => {
                let depth = u32::try_from(depth.as_u64().filter(|depth| *depth <= DEPTH_LIMIT)?).ok()?;
                self.size += function.len() + OVERHEAD;
                let known = self.frames.entry(frame.as_u64()?).or_insert_with(|| Frame {
                    depth,
                    function: function.clone(),
                    locals: Vec::new(),
                    places: HashMap::new(),
                    size: 0,
                });
                known.depth = depth;
                Some(Record::Definition)
            }
            ("E", [reason]) => Some(Record::End(match reason {
                Value::Null => None,
                Value::String(name) => Some(match name.as_str() {
                    "steps" => Cut::Steps,
                    "time" => Cut::Time,
                    "size" => Cut::Size,
                    "depth" => Cut::Depth,
                    "disabled" => Cut::Disabled,
                    "failed" => Cut::Failed,
                    _ => return None,
                }),
                _ => return None,
            })),
            _ => None,
        }
    }

    fn step(&mut self, event: Event, values: &[Value]) -> Option<Step> {
        let frame = self.frames.get_mut(&values.first()?.as_u64()?)?;
        let line = values.get(1)?.as_u64()?;
        if let Some(changes) = values.get(2) {
            frame.change(changes.as_array()?)?;
        }
        if let Some(removed) = values.get(3) {
            frame.remove(removed.as_array()?)?;
        }
        let outcome = match values.get(4) {
            None | Some(Value::Null) => None,
            Some(outcome) => Some(read_outcome(outcome.as_array()?)?),
        };
        let instruction = match values.get(5) {
            None => None,
            Some(text) => Some(text.as_str()?.to_owned()),
        };
        let source = self.lines.get(&line)?;
        self.size += OVERHEAD + frame.size + frame.function.len() + source.len();
        self.size += values.get(4).map_or(0, |_| OVERHEAD) + instruction.as_ref().map_or(0, String::len);
        self.size += outcome.as_ref().map_or(0, outcome_size);
        if self.size > DECODED_LIMIT {
            // Too large to be built: the trace ends here.
            return None;
        }
        Some(Step {
            event,
            depth: frame.depth,
            function: frame.function.clone(),
            line: u32::try_from(line).ok()?,
            source: source.clone(),
            locals: frame.locals.iter().flatten().cloned().collect(),
            outcome,
            instruction,
        })
    }
}

impl Frame {
    fn change(&mut self, changes: &[Value]) -> Option<()> {
        if !changes.len().is_multiple_of(3) {
            return None;
        }
        for change in changes.chunks_exact(3) {
            let [name, value, type_name] = change else { return None };
            let local = Local {
                name: name.as_str()?.to_owned(),
                value: value.as_str()?.to_owned(),
                type_name: type_name.as_str()?.to_owned(),
            };
            self.size += size_of_local(&local);
            if let Some(&place) = self.places.get(&local.name) {
                self.size -= self.locals[place].as_ref().map_or(OVERHEAD, size_of_local);
                self.locals[place] = Some(local);
            } else {
                self.places.insert(local.name.clone(), self.locals.len());
                self.locals.push(Some(local));
            }
        }
        Some(())
    }

    fn remove(&mut self, removed: &[Value]) -> Option<()> {
        for name in removed {
            let &place = self.places.get(name.as_str()?)?;
            if let Some(local) = self.locals[place].take() {
                self.size -= size_of_local(&local) - OVERHEAD;
            }
        }
        Some(())
    }
}

fn size_of_local(local: &Local) -> usize {
    local.name.len() + local.value.len() + local.type_name.len() + OVERHEAD
}

fn outcome_size(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::Returned(value) => value.len(),
        Outcome::Raised { exception, message } => exception.len() + message.len(),
    }
}

fn read_outcome(values: &[Value]) -> Option<Outcome> {
    match values {
        [Value::Number(kind), Value::String(value)] if kind.as_u64() == Some(0) => {
            Some(Outcome::Returned(value.clone()))
        }
        [Value::Number(kind), Value::String(exception), Value::String(message)]
            if kind.as_u64() == Some(1) =>
        {
            Some(Outcome::Raised { exception: exception.clone(), message: message.clone() })
        }
        _ => None,
    }
}

fn record(line: &[u8]) -> Option<Vec<Value>> {
    match serde_json::from_slice(line).ok()? {
        Value::Array(values) => Some(values),
        _ => None,
    }
}

fn header(values: &[Value], python: &str) -> Option<Trace> {
    let [Value::String(tag), format, Value::String(backend), Value::String(_), Value::String(invocation)] =
        values
    else {
        return None;
    };
    if tag != "T" || format.as_u64() != Some(FORMAT) {
        return None;
    }
    let backend = match backend.as_str() {
        "monitoring" => Backend::Monitoring,
        "settrace" => Backend::Settrace,
        _ => return None,
    };
    Some(Trace { backend, cut: None, ..empty(python, invocation) })
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
