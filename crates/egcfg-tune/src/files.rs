//! Reading what a user named: regular files only, so that nothing waits for a pipe. Writing files whole: beside their place,
//! flushed, then renamed, so that a kill leaves the old file or the new one. Claiming folders for one set of settings.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Write};
use std::path::Path;

use candle_core::{Device, Tensor};
use egcfg_files::{Bounds, FileError, Origin};
use serde::Serialize;
use serde_json::Value;

use crate::error::TuneError;

/// Opens a file that a user named.
pub(crate) fn open_named(path: &Path) -> Result<File, TuneError> {
    egcfg_files::open(path, Origin::Named).map(|(file, _)| file).map_err(|error| unread(path, &error))
}

/// The text of a file that a user named.
pub(crate) fn read_named(path: &Path) -> Result<String, TuneError> {
    egcfg_files::read_small(path).map_err(|error| unread(path, &error))
}

/// The text of a file of an earlier process, where there is one.
pub(crate) fn read_earlier(path: &Path) -> Result<Option<String>, TuneError> {
    match egcfg_files::read_text(path, Origin::Named, Bounds::default()) {
        Ok((text, _)) => Ok(Some(text)),
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(unread(path, &error)),
    }
}

/// The tensors of a safetensors file.
pub(crate) fn read_tensors(path: &Path, device: &Device) -> Result<HashMap<String, Tensor>, TuneError> {
    let mut bytes = Vec::new();
    let read = open_named(path)?.read_to_end(&mut bytes);
    read.map_err(|error| TuneError::file("read", path, &error))?;
    candle_core::safetensors::load_buffer(&bytes, device).map_err(|error| TuneError::base(path, &error))
}

/// Makes a folder the place of work with these settings: writes them to `name`, or sees that it holds the same.
///
/// # Errors
/// When the folder belongs to other settings, naming those that differ; when the file cannot be read or written.
pub fn claim(folder: &Path, name: &str, about: &impl Serialize) -> Result<(), TuneError> {
    std::fs::create_dir_all(folder).map_err(|error| TuneError::file("make", folder, &error))?;
    if claimed(folder, name, about)? {
        return Ok(());
    }
    let about = serde_json::json!(about);
    write_whole(&folder.join(name), format!("{about:#}\n").as_bytes())
}

/// Whether a folder is the place of work with these settings already; an error where it is another's.
pub(crate) fn claimed(folder: &Path, name: &str, about: &impl Serialize) -> Result<bool, TuneError> {
    let (path, about) = (folder.join(name), serde_json::json!(about));
    let Some(old) = read_earlier(&path)? else { return Ok(false) };
    let old: Value = serde_json::from_str(&old).unwrap_or_default();
    let mut others = Vec::new();
    differing(&old, &about, "", &mut others);
    if others.is_empty() {
        return Ok(true);
    }
    let reason = format!(
        "{} belongs to other settings: {} (hint: name another folder, or the settings that stand in {})",
        folder.display(),
        others.join(", "),
        path.display()
    );
    Err(TuneError::Setting { field: "output-dir", reason })
}

/// The dotted names of the values that differ.
fn differing(old: &Value, new: &Value, name: &str, found: &mut Vec<String>) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
            names.sort();
            names.dedup();
            for inner in names {
                let place = if name.is_empty() { inner.clone() } else { format!("{name}.{inner}") };
                let of =
                    |values: &serde_json::Map<String, Value>| values.get(inner).cloned().unwrap_or_default();
                differing(&of(old), &of(new), &place, found);
            }
        }
        _ if old == new => {}
        _ => found.push(if name.is_empty() { "all of them".to_owned() } else { name.to_owned() }),
    }
}

pub(crate) fn unread(path: &Path, error: &FileError) -> TuneError {
    TuneError::File { action: "read", path: path.to_owned(), reason: error.reason() }
}

/// Writes a file whole or not at all.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), TuneError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let beside = path.with_file_name(name);
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    };
    write().map_err(|error| TuneError::file("write", path, &error))
}
