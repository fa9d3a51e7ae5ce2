//! The bytes of a file in a results folder. Such folders come from anywhere: only a regular file is opened, a link is not
//! followed, nothing is waited for, and what unpacks to more than a bound is not taken into memory.

use std::path::Path;

use egcfg_files::{Bounds, FileError, Origin, read_bytes};

/// Reads a file that was found in a results folder, unpacked where it is packed; the error says why it cannot be used, and
/// leaves its name to the caller.
pub fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    Bounds::from_environment().and_then(|bounds| read_bytes(path, Origin::Found, bounds)).map_err(reason)
}

fn reason(error: FileError) -> String {
    match error {
        FileError::Io { error, .. } => error.to_string(),
        FileError::NotRegular { kind, .. } => format!("it is a {kind}, not a regular file"),
        FileError::TooLarge { reason, .. } | FileError::Content { reason, .. } => reason,
        setting @ FileError::Setting(_) => setting.to_string(),
    }
}
