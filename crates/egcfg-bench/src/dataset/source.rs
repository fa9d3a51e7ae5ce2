//! A data file as records of named fields. JSON Lines (plain, gzip, zstd), one JSON array, or the parquet layout of the
//! public hub: whatever it was, a record is its fields' raw JSON texts. They stay texts until a loader asks, because some
//! hold what no JSON parser should touch: integers of any size, `NaN` and `Infinity`, which the sets' own programs read
//! with Python.

use std::io::Read as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::error::DatasetError;

/// One record, not yet looked at.
#[derive(Debug, Clone)]
pub(super) struct Record {
    /// File and line, for messages.
    pub(super) place: String,
    /// Names and raw JSON values, in the file's order.
    pub(super) fields: Vec<(String, String)>,
}

/// A file's records and the sha256 of its (decompressed) content, in hexadecimal.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) records: Vec<Record>,
    pub(super) sha256: String,
}

/// Reads a whole file; its first bytes tell the format.
pub(super) fn read(path: &Path) -> Result<Source, DatasetError> {
    let data = bytes(path)?;
    if data.starts_with(b"PAR1") {
        return Ok(Source { sha256: sha256(&data), records: super::parquet::read(path, data)? });
    }
    let (text, sha256) = decode(path, data)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let records = if text.trim_start().starts_with('[') { array(path, text)? } else { lines(path, text)? };
    if records.is_empty() {
        return Err(DatasetError::Empty(path.to_owned()));
    }
    Ok(Source { records, sha256 })
}

/// A text file's decompressed content and its sha256.
pub(super) fn text(path: &Path) -> Result<(String, String), DatasetError> {
    decode(path, bytes(path)?)
}

fn bytes(path: &Path) -> Result<Vec<u8>, DatasetError> {
    std::fs::read(path)
        .map_err(|error| DatasetError::Read { path: path.to_owned(), reason: error.to_string() })
}

fn decode(path: &Path, mut data: Vec<u8>) -> Result<(String, String), DatasetError> {
    let bad = |reason: String| DatasetError::Read { path: path.to_owned(), reason };
    let mut plain = Vec::new();
    if data.starts_with(&[0x1f, 0x8b]) {
        // Some tools write a file as several gzip members.
        let read = flate2::read::MultiGzDecoder::new(data.as_slice()).read_to_end(&mut plain);
        read.map_err(|error| bad(error.to_string()))?;
        data = plain;
    } else if data.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        let decoder = ruzstd::decoding::StreamingDecoder::new(data.as_slice());
        let mut decoder = decoder.map_err(|error| bad(error.to_string()))?;
        decoder.read_to_end(&mut plain).map_err(|error| bad(error.to_string()))?;
        data = plain;
    }
    let sha256 = sha256(&data);
    let text = String::from_utf8(data).map_err(|error| DatasetError::Format {
        path: path.to_owned(),
        reason: format!("not UTF-8 at byte {}", error.utf8_error().valid_up_to()),
    })?;
    Ok((text, sha256))
}

fn sha256(data: &[u8]) -> String {
    Sha256::digest(data).iter().fold(String::with_capacity(64), |mut text, byte| {
        use std::fmt::Write as _;
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn lines(path: &Path, text: &str) -> Result<Vec<Record>, DatasetError> {
    let mut records = Vec::new();
    // Not `lines()`: a bare carriage return is none of JSON's line ends, and neither are Unicode's.
    for (index, line) in text.split('\n').enumerate() {
        if !line.trim().is_empty() {
            records.push(record(format!("{}:{}", path.display(), index + 1), line)?);
        }
    }
    Ok(records)
}

fn array(path: &Path, text: &str) -> Result<Vec<Record>, DatasetError> {
    let place = path.display().to_string();
    let items = raw_array(text).map_err(|at| DatasetError::Record {
        place: place_at(&place, text, at),
        reason: "not valid JSON".into(),
    })?;
    items
        .into_iter()
        .map(|item| {
            let offset = item.as_ptr() as usize - text.as_ptr() as usize;
            record(place_at(&place, text, offset), item)
        })
        .collect()
}

fn place_at(name: &str, text: &str, offset: usize) -> String {
    let line = text.as_bytes()[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1;
    format!("{name}:{line}")
}

fn record(place: String, text: &str) -> Result<Record, DatasetError> {
    let bad = |reason: String| DatasetError::Record { place: place.clone(), reason };
    let text = text.trim();
    if !text.starts_with('{') {
        return Err(bad("not a JSON object".into()));
    }
    let parts = split(text, b'{', b'}').map_err(|at| bad(format!("not valid JSON at column {}", at + 1)))?;
    let mut fields = Vec::with_capacity(parts.len());
    for part in parts {
        let offset = part.as_ptr() as usize - text.as_ptr() as usize;
        let at = || bad(format!("not valid JSON at column {}", offset + 1));
        let end = string_end(part.as_bytes(), 0).ok_or_else(at)?;
        let name: String = serde_json::from_str(&part[..end]).map_err(|_| at())?;
        let value = part[end..].trim_start().strip_prefix(':').ok_or_else(at)?;
        fields.push((name, value.trim().to_owned()));
    }
    Ok(Record { place, fields })
}

/// The items of a JSON array, as raw texts; an error is a byte offset.
pub(super) fn raw_array(text: &str) -> Result<Vec<&str>, usize> {
    split(text.trim(), b'[', b']')
}

/// The parts between the commas of one bracketed text. Brackets are matched and strings skipped; what stands between them
/// is left to whoever reads the part.
fn split(text: &str, open: u8, close: u8) -> Result<Vec<&str>, usize> {
    let bytes = text.as_bytes();
    if bytes.first() != Some(&open) {
        return Err(0);
    }
    let (mut parts, mut stack, mut start, mut at) = (Vec::new(), vec![close], 1, 1);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at = string_end(bytes, at).ok_or(at)?;
                continue;
            }
            b'{' => stack.push(b'}'),
            b'[' => stack.push(b']'),
            byte @ (b'}' | b']') => {
                if stack.pop() != Some(byte) {
                    return Err(at);
                }
                if stack.is_empty() {
                    let last = text[start..at].trim();
                    if !last.is_empty() {
                        parts.push(last);
                    } else if !parts.is_empty() {
                        return Err(at);
                    }
                    return if text[at + 1..].trim().is_empty() { Ok(parts) } else { Err(at + 1) };
                }
            }
            b',' if stack.len() == 1 => {
                let part = text[start..at].trim();
                if part.is_empty() {
                    return Err(at);
                }
                parts.push(part);
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    Err(bytes.len())
}

/// The offset behind the string that begins at `at`.
fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes.get(at) != Some(&b'"') {
        return None;
    }
    let mut at = at + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::{raw_array, record};

    #[test]
    fn what_only_python_reads_stays_as_it_is() {
        let line =
            r#"{"id": "a,}\"]", "inputs": [[NaN, -Infinity], [123456789012345678901234567890]], "n": {}}"#;
        let record = record("f:1".into(), line).unwrap();
        assert_eq!(record.fields[0], ("id".into(), r#""a,}\"]""#.into()));
        assert_eq!(record.fields[1].1, "[[NaN, -Infinity], [123456789012345678901234567890]]");
        let items = raw_array(&record.fields[1].1).unwrap();
        assert_eq!(items, ["[NaN, -Infinity]", "[123456789012345678901234567890]"]);
    }

    #[test]
    fn broken_records_are_named() {
        for (line, column) in
            [("{\"a\": 1", 8), ("{\"a\": [1}", 9), ("{\"a\": 1} x", 9), ("{\"a\": 1,, \"b\": 2}", 9)]
        {
            let error = record("f.jsonl:3".into(), line).unwrap_err().to_string();
            assert_eq!(error, format!("f.jsonl:3: not valid JSON at column {column}"), "{line}");
        }
        assert_eq!(record("f:1".into(), "[1]").unwrap_err().to_string(), "f:1: not a JSON object");
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((".{0,4}", inner), 0..4)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// Split into raw fields and each parsed: the same object as a JSON parser's.
        #[test]
        fn fields_are_those_of_a_json_parser(pairs in prop::collection::vec((".{0,6}", json()), 0..5), pretty: bool) {
            let value = Value::Object(pairs.into_iter().collect());
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            let record = record("f:1".into(), &text).unwrap();
            let again = record.fields.iter().map(|(name, raw)| (name.clone(), serde_json::from_str(raw).unwrap()));
            prop_assert_eq!(Value::Object(again.collect()), value);
        }

        /// No text makes it panic.
        #[test]
        fn any_text_is_survived(text in "[\\[\\]{}\",:\\\\a1 \\n]{0,40}") {
            let _ = record("f:1".into(), &text);
            let _ = raw_array(&text);
        }
    }
}
