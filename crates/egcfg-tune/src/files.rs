//! Reading what a user named: regular files only. Writing files whole: beside their place, flushed, then renamed, so that a kill
//! leaves the old file or the new one.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use egcfg_files::{FileError, Origin};

use crate::error::TuneError;

/// Opens a file that a user named.
pub(crate) fn open_named(path: &Path) -> Result<File, TuneError> {
    egcfg_files::open(path, Origin::Named).map(|(file, _)| file).map_err(|error| unread(path, &error))
}

/// The text of a file that a user named.
pub(crate) fn read_named(path: &Path) -> Result<String, TuneError> {
    egcfg_files::read_small(path).map_err(|error| unread(path, &error))
}

fn unread(path: &Path, error: &FileError) -> TuneError {
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
