//! The bytes of a file in a results folder. Such folders come from anywhere: only a regular file is opened, a link is not
//! followed, and a file larger than any result or log is not taken into memory.

use std::path::Path;

/// Bytes of a file that are taken at most.
const ROOM: u64 = 256 << 20;

/// Reads a file that was found in a results folder; the error says why it cannot be used.
pub fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let meta = std::fs::symlink_metadata(path).map_err(|error| error.to_string())?;
    if !meta.is_file() {
        return Err("it is no regular file".to_owned());
    }
    if meta.len() > ROOM {
        return Err(format!("it has {} MiB; no result or log is larger than {}", meta.len() >> 20, ROOM >> 20));
    }
    std::fs::read(path).map_err(|error| error.to_string())
}
