//! The parquet layout of the public hub, row by row: columns become fields, nested columns nested JSON.

use std::path::Path;

use super::error::DatasetError;
use super::source::Record;

/// All rows of a file.
#[cfg(feature = "parquet")]
pub(super) fn read(path: &Path, data: Vec<u8>) -> Result<Vec<Record>, DatasetError> {
    use parquet::file::reader::{FileReader as _, SerializedFileReader};

    let name = path.display();
    let bad = |reason: String| DatasetError::Format { path: path.to_owned(), reason };
    let reader =
        SerializedFileReader::new(bytes::Bytes::from(data)).map_err(|error| bad(error.to_string()))?;
    let rows = reader.get_row_iter(None).map_err(|error| bad(error.to_string()))?;
    let mut records = Vec::new();
    for (index, row) in rows.enumerate() {
        let place = format!("{name}: row {}", index + 1);
        let row = row.map_err(|error| bad(format!("row {}: {error}", index + 1)))?;
        let serde_json::Value::Object(fields) = row.to_json_value() else {
            return Err(DatasetError::Record { place, reason: "not a row of columns".to_owned() });
        };
        let fields = fields.into_iter().map(|(name, value)| (name, value.to_string())).collect();
        records.push(Record { place, fields });
    }
    if records.is_empty() {
        return Err(DatasetError::Empty(path.to_owned()));
    }
    Ok(records)
}

/// This build reads none.
#[cfg(not(feature = "parquet"))]
pub(super) fn read(path: &Path, _data: Vec<u8>) -> Result<Vec<Record>, DatasetError> {
    let reason = "this build was made without the feature `parquet`".to_owned();
    Err(DatasetError::Format { path: path.to_owned(), reason })
}
