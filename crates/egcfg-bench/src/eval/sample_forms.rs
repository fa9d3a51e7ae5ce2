//! Samples in one file, in the forms in which they come:
//!
//! - `samples.jsonl`: `{task_id, completion | solution}`, each a text or a list of texts
//! - a JSON list of lists of programs, in the order of the set's tasks
//! - the log of lm-evaluation-harness (`--log_samples`): `{doc: {task_id}, filtered_resps | resps}`
//! - EvalPlus's own results: `{eval: {task_id: [{solution}]}}`

use std::path::Path;

use egcfg_files::{Fault, FileError, Item, Origin, Record, array_parts, items};
use serde_json::Value;

use super::samples::{Given, Reader, SampleError};

/// Reads a file.
pub(super) fn read(reader: &mut Reader<'_>, path: &Path) -> Result<(), SampleError> {
    // Lines are taken one by one, so that only programs stay in memory.
    let read = items(path, Origin::Named, reader.bounds, |item| {
        if let Err(fault) = item.and_then(|item| take(reader, &item)) {
            reader.fault(fault);
        }
    });
    match read {
        // What stands before the place where packed data breaks off is whole.
        Err(FileError::Content { path, reason }) if !reader.found.samples.is_empty() => {
            let place = path.display().to_string();
            reader.fault(Fault::new(place, format!("{reason}; nothing behind it is read")));
            Ok(())
        }
        read => Ok(read.map(|_| ())?),
    }
}

fn take(reader: &mut Reader<'_>, item: &Item) -> Result<(), Fault> {
    let raw = item.raw.trim();
    if raw.starts_with('[') {
        return list(reader, item);
    }
    let record = Record::parse(item.place.clone(), raw)?;
    if record.raw("task_id").is_some() {
        sample(reader, &record)
    } else if let Some(doc) = record.object("doc")? {
        logged(reader, &record, &doc)
    } else if let Some(eval) = record.object("eval")? {
        evaluated(reader, &eval)
    } else {
        Err(record.wrong("task_id", "is missing"))
    }
}

/// An entry of a list of lists: the programs of the task at its place.
fn list(reader: &mut Reader<'_>, item: &Item) -> Result<(), Fault> {
    let parts = array_parts(&item.raw).map_err(|_| {
        Fault::new(item.place.clone(), format!("entry {} is no list of programs", item.index))
    })?;
    let set = reader.set;
    let Some(task) = set.items.get(item.index) else {
        reader.found.foreign.push(format!("entry {}", item.index));
        return Ok(());
    };
    for (number, part) in parts.into_iter().enumerate() {
        let place = format!("{}: entry {}[{number}]", item.place, item.index);
        let record = Record { place, fields: vec![("program".to_owned(), part.to_owned())] };
        match record.required::<String>("program") {
            Ok(program) => reader.add_to(task, program, Given::Whole),
            Err(fault) => reader.fault(Fault::new(fault.place, format!("no program: {}", fault.reason))),
        }
    }
    Ok(())
}

/// `{task_id, completion | solution}`. Where both hold something, `solution` counts, as with EvalPlus.
fn sample(reader: &mut Reader<'_>, record: &Record) -> Result<(), Fault> {
    let id = record.id("task_id")?;
    let fields = [("solution", Given::Whole), ("completion", Given::Rest)];
    let there: Vec<_> = fields.iter().filter(|(field, _)| record.raw(field).is_some()).collect();
    let filled = there.iter().find(|(field, _)| !is_empty(record.raw(field)));
    let Some((field, form)) = filled.or(there.first()) else {
        return Err(
            match record.fields.iter().find(|(name, _)| name == "solution" || name == "completion") {
                Some((name, _)) => record.wrong(name, format!("is null: no program for {id}")),
                None => Fault::new(record.place.clone(), "field `completion` or `solution` is missing"),
            },
        );
    };
    programs(reader, record, field, &id, *form)
}

/// Whether a field holds white space only, be it in a list of texts.
fn is_empty(raw: Option<&str>) -> bool {
    fn blank(value: &Value) -> bool {
        match value {
            Value::String(text) => text.trim().is_empty(),
            Value::Array(all) => all.iter().all(blank),
            _ => false,
        }
    }
    raw.is_none_or(|raw| serde_json::from_str(raw).is_ok_and(|value| blank(&value)))
}

/// Every text of a field, which may be one or a list of them, or lists within a list.
fn programs(
    reader: &mut Reader<'_>,
    record: &Record,
    field: &str,
    id: &str,
    form: Given,
) -> Result<(), Fault> {
    let mut stack = vec![record.required::<Value>(field)?];
    let mut any = false;
    while let Some(value) = stack.pop() {
        any |= !value.is_array();
        match value {
            Value::String(program) => reader.add(id, program, form),
            // From the last, so that they come in order.
            Value::Array(all) => stack.extend(all.into_iter().rev()),
            _ => reader.fault(record.wrong(field, "expected a text or a list of texts")),
        }
    }
    if any { Ok(()) } else { Err(record.wrong(field, "holds no program")) }
}

/// A line of the log of lm-evaluation-harness.
fn logged(reader: &mut Reader<'_>, record: &Record, doc: &Record) -> Result<(), Fault> {
    let id = doc.id("task_id").map_err(|fault| Fault::field(fault.place, "doc.task_id", fault.reason))?;
    let field = ["filtered_resps", "resps"].into_iter().find(|field| record.raw(field).is_some());
    let field = field
        .ok_or_else(|| Fault::new(record.place.clone(), "field `filtered_resps` or `resps` is missing"))?;
    programs(reader, record, field, &id, Given::Either)
}

/// Results of EvalPlus, to be judged again.
fn evaluated(reader: &mut Reader<'_>, eval: &Record) -> Result<(), Fault> {
    for (id, raw) in &eval.fields {
        let parts = array_parts(raw).map_err(|_| eval.wrong(id, "expected a list of samples"))?;
        for (number, part) in parts.into_iter().enumerate() {
            let place = format!("{}: eval.{id}[{number}]", eval.place);
            let taken = Record::parse(place, part).and_then(|sample| sample.required::<String>("solution"));
            match taken {
                Ok(program) => reader.add(id, program, Given::Whole),
                Err(fault) => reader.fault(fault),
            }
        }
    }
    Ok(())
}
