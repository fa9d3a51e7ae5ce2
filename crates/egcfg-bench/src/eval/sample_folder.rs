//! Samples in a folder: results of a run (`task_id=<id>_gamma=<g>.json`), ours or the published program's, or folders of
//! programs (`HumanEval_0/0.py`). Others may write there, so nothing is followed and nothing is waited for.

use std::collections::HashSet;
use std::fs::DirEntry;
use std::path::Path;

use egcfg_files::{Fault, FileError, Origin, Record, read_python, read_text};

use egcfg_results::parse_stem;

use super::samples::{Given, Reader, SampleError};

/// Dataset, model, configuration: no layout is deeper than a few levels.
const DEEPEST: usize = 6;

/// Reads all of a folder, in the order of names.
pub(super) fn read(reader: &mut Reader<'_>, path: &Path) -> Result<(), SampleError> {
    folder(reader, path, 0).map_err(|error| FileError::Io { path: path.to_owned(), error }.into())
}

fn folder(reader: &mut Reader<'_>, path: &Path, depth: usize) -> std::io::Result<()> {
    let mut entries: Vec<DirEntry> = std::fs::read_dir(path)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(DirEntry::file_name);
    let mut known = HashSet::new();
    for entry in entries {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let result = name.strip_prefix("task_id=").and_then(|name| name.strip_suffix(".json"));
        let taken = if is_folder {
            if depth < DEEPEST
                && let Err(error) = folder(reader, &path, depth + 1)
            {
                Err(Fault::new(path.display().to_string(), error.to_string()))
            } else {
                Ok(())
            }
        } else if let Some(rest) = result {
            match parse_stem(&name) {
                Some((id, gamma, retry)) if known.insert((id.clone(), gamma.to_bits(), retry)) => {
                    self::result(reader, &path, &id)
                }
                Some((id, ..)) => Err(Fault::new(
                    path.display().to_string(),
                    format!("a second file of one result of {id}"),
                )),
                None if !rest.contains("_gamma=") => self::result(reader, &path, rest),
                None => Err(Fault::new(
                    path.display().to_string(),
                    "its name does not end in _gamma=<number>.json",
                )),
            }
        } else if path.extension().is_some_and(|ending| ending == "py") {
            program(reader, &path)
        } else {
            Ok(())
        };
        if let Err(fault) = taken {
            reader.fault(fault);
        }
    }
    Ok(())
}

/// A file's own fault, told without "failed to read" twice.
fn unreadable(path: &Path, error: &FileError) -> Fault {
    let text = error.to_string();
    let name = path.display().to_string();
    let reason = text.strip_prefix(&format!("failed to read {name}: ")).unwrap_or(&text).to_owned();
    Fault::new(name, reason)
}

/// A program; its folder is named after the task.
fn program(reader: &mut Reader<'_>, path: &Path) -> Result<(), Fault> {
    let Some(task) = path.parent().and_then(Path::file_name) else { return Ok(()) };
    let task = task.to_string_lossy().into_owned();
    let text = read_python(path, Origin::Found, reader.bounds).map_err(|error| unreadable(path, &error))?;
    named(reader, &task, text);
    Ok(())
}

/// A results file: the field `code`; our own files name their task, others have it in the file's name.
fn result(reader: &mut Reader<'_>, path: &Path, id: &str) -> Result<(), Fault> {
    let place = path.display().to_string();
    let (text, _) =
        read_text(path, Origin::Found, reader.bounds).map_err(|error| unreadable(path, &error))?;
    let record = Record::parse(place.clone(), &text)?;
    let code = record.optional::<String>("code")?;
    let failed = record.optional::<String>("general_error").unwrap_or_default();
    let Some(code) = code.filter(|code| failed.is_none() || !code.is_empty()) else {
        let reason = match failed {
            Some(error) => format!("holds no program: {}", error.lines().next().unwrap_or_default()),
            None => "field `code`: is missing or null: no program was written".to_owned(),
        };
        return Err(Fault::new(place, reason));
    };
    let own = record.object("egcfg").ok().flatten();
    match own.and_then(|own| own.optional::<String>("task").ok().flatten()) {
        Some(id) => reader.add(&id, code, Given::Whole),
        None => named(reader, id, code),
    }
    Ok(())
}

/// A program under an id out of a file name, where a slash became an underscore.
fn named(reader: &mut Reader<'_>, name: &str, program: String) {
    let id = match name.rsplit_once('_') {
        Some((prefix, number)) if reader.set.find(name).is_none() => format!("{prefix}/{number}"),
        _ => name.to_owned(),
    };
    reader.add(&id, program, Given::Whole);
}
