//! The sampling cache of the published fork: one JSON object whose `experiences` are a list. It is read, never written:
//! its entries go into a buffer of ours.

use std::path::Path;

use serde::Deserialize;

use super::buffer::Buffer;
use super::experience::Experience;
use crate::error::TuneError;
use crate::files::read_named;

#[derive(Debug, Deserialize)]
struct Cache {
    #[serde(default)]
    model_name: String,
    experiences: Vec<serde_json::Value>,
}

/// Reads a cache file into a buffer. Entries without a name of their model get the cache's.
pub fn read_cache(path: &Path, capacity: usize) -> Result<Buffer, TuneError> {
    let text = read_named(path)?;
    let bad = |line: usize, reason: String| TuneError::Line { path: path.to_owned(), line, reason };
    let cache: Cache = serde_json::from_str(&text).map_err(|error| bad(error.line(), error.to_string()))?;
    let mut buffer = Buffer::new(capacity);
    for (number, value) in cache.experiences.into_iter().enumerate() {
        let named = |reason: String| bad(1, format!("experiences[{number}]: {reason}"));
        let mut entry: Experience =
            serde_json::from_value(value).map_err(|error| named(error.to_string()))?;
        if let Some(fault) = entry.fault() {
            return Err(named(fault));
        }
        if entry.model.is_empty() {
            entry.model.clone_from(&cache.model_name);
        }
        buffer.add(entry);
    }
    Ok(buffer)
}
