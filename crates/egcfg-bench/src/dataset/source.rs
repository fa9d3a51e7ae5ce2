//! A data file as records of named fields: JSON Lines (plain, gzip, zstd), one JSON array, or the parquet layout of the public
//! hub. A record that is none is a fault of its own line.

use std::io::Read as _;
use std::path::Path;

use egcfg_files::{Bounds, Origin, Record, items, open};

use super::error::DatasetError;
use super::item::Source;
use super::parquet;

/// Reads a whole file; its first bytes tell the format.
pub(super) fn read(path: &Path) -> Result<Source, DatasetError> {
    let bounds = Bounds::from_environment()?;
    let mut magic = Vec::new();
    let (file, _) = open(path, Origin::Named)?;
    // What cannot be read fails below, with its reason.
    let _ = file.take(4).read_to_end(&mut magic);
    if magic == b"PAR1" {
        return parquet::read(path, bounds);
    }
    let (mut records, mut faults) = (Vec::new(), Vec::new());
    let read = items(path, Origin::Named, bounds, |item| {
        match item.and_then(|item| Record::parse(item.place, &item.raw)) {
            Ok(record) => records.push(record),
            Err(fault) => faults.push(fault),
        }
    })?;
    Ok(Source { records, faults, sha256: read.sha256 })
}
