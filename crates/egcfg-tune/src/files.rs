//! Writing files whole: beside their place, flushed, then renamed, so that a kill leaves the old file or the new one.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use crate::error::TuneError;

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
