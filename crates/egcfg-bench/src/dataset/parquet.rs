//! The parquet layout of the public hub, row by row: columns become fields, nested columns nested JSON. A column may be packed
//! so that a few bytes stand for any number of values, so values are counted before they are built, and bytes while they are.

use std::path::Path;

use egcfg_files::Bounds;

use super::error::DatasetError;
use super::item::Source;

/// All rows of a file.
#[cfg(feature = "parquet")]
pub(super) fn read(path: &Path, bounds: Bounds) -> Result<Source, DatasetError> {
    use egcfg_files::{Origin, read_bytes};

    let data = bytes::Bytes::from(read_bytes(path, Origin::Named, bounds)?);
    let sha256 = egcfg_files::sha256(&data);
    let bad = |reason: String| DatasetError::Format { path: path.to_owned(), reason };
    // The parquet crate panics on some broken files.
    let rows = std::panic::catch_unwind(|| rows::read(&path.display().to_string(), data, bounds));
    let (records, faults) = rows.map_err(|_| bad("the file is broken".to_owned()))?.map_err(bad)?;
    if records.is_empty() && faults.is_empty() {
        return Err(DatasetError::Empty(path.to_owned()));
    }
    Ok(Source { records, faults, sha256 })
}

/// This build reads none.
#[cfg(not(feature = "parquet"))]
pub(super) fn read(path: &Path, _bounds: Bounds) -> Result<Source, DatasetError> {
    let reason = "this build was made without the feature `parquet`".to_owned();
    Err(DatasetError::Format { path: path.to_owned(), reason })
}

#[cfg(feature = "parquet")]
mod rows {
    use bytes::Bytes;
    use egcfg_files::{Bounds, Fault, Record, VARIABLE};
    use parquet::file::reader::{FileReader, SerializedFileReader};

    /// Values that a file may hold per byte of its bound: the smallest take a few bytes each in memory.
    const BYTES_PER_VALUE: u64 = 32;

    pub(super) fn read(name: &str, data: Bytes, bounds: Bounds) -> Result<(Vec<Record>, Vec<Fault>), String> {
        let size = data.len() as u64;
        let most = bounds.total.min(bounds.floor.max(bounds.ratio.saturating_mul(size)));
        let too_large = |what: &str| {
            let most = most >> 20;
            format!("{size} bytes hold {what} for {most} MiB (set {VARIABLE} to the MiB that it may take)")
        };
        let reader = SerializedFileReader::new(data).map_err(|error| error.to_string())?;
        let groups = reader.metadata().row_groups();
        if groups.iter().any(|group| u64::try_from(group.total_byte_size()).is_ok_and(|bytes| bytes > most)) {
            return Err(too_large("more bytes than there may be"));
        }
        if values(&reader)? > most / BYTES_PER_VALUE {
            return Err(too_large("more values than there is room"));
        }
        let rows = reader.get_row_iter(None).map_err(|error| error.to_string())?;
        let (mut records, mut faults, mut total) = (Vec::new(), Vec::new(), 0);
        for (index, row) in rows.enumerate() {
            let place = format!("{name}: row {}", index + 1);
            let row = row.map_err(|error| format!("row {}: {error}", index + 1))?;
            let serde_json::Value::Object(fields) = row.to_json_value() else {
                faults.push(Fault::new(place, "not a row of columns"));
                continue;
            };
            let fields: Vec<(String, String)> =
                fields.into_iter().map(|(name, value)| (name, value.to_string())).collect();
            total += fields.iter().map(|(name, value)| (name.len() + value.len()) as u64).sum::<u64>();
            if total > most {
                return Err(too_large("more text than there may be"));
            }
            records.push(Record { place, fields });
        }
        Ok((records, faults))
    }

    /// How many values the pages say that they hold; none of them is unpacked for that.
    fn values(reader: &SerializedFileReader<Bytes>) -> Result<u64, String> {
        let mut count = 0;
        for group in 0..reader.num_row_groups() {
            let group = reader.get_row_group(group).map_err(|error| error.to_string())?;
            for column in 0..group.num_columns() {
                let mut pages = group.get_column_page_reader(column).map_err(|error| error.to_string())?;
                while let Some(page) = pages.peek_next_page().map_err(|error| error.to_string())? {
                    count += page.num_levels.or(page.num_rows).unwrap_or(0) as u64;
                    pages.skip_next_page().map_err(|error| error.to_string())?;
                }
            }
        }
        Ok(count)
    }
}
