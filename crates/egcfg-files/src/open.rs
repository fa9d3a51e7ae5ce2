//! Opening a file without waiting for anybody and without being led elsewhere.

use std::fs::{File, FileType, Metadata, OpenOptions};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;

use crate::error::FileError;

/// Where a path comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A user named it: links are followed, as everywhere.
    Named,
    /// It was found in a folder that others write to: a link there may point at anything, and is not followed.
    Found,
}

/// Opens a regular file for reading; anything else is an error that names what it is. Never blocks: a FIFO without a writer, or
/// a device, is not waited for.
pub fn open(path: &Path, origin: Origin) -> Result<(File, Metadata), FileError> {
    let failed = |error: std::io::Error| FileError::Io { path: path.to_owned(), error };
    let other = |kind: FileType| FileError::NotRegular { path: path.to_owned(), kind: kind_name(kind) };
    // Looked at before it is opened, because opening alone does something to some devices; and after, because what is opened
    // is what counts.
    let seen = match origin {
        Origin::Named => std::fs::metadata(path),
        Origin::Found => std::fs::symlink_metadata(path),
    };
    let seen = seen.map_err(failed)?;
    if !seen.is_file() {
        return Err(other(seen.file_type()));
    }
    let mut flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    if origin == Origin::Found {
        flags |= OFlags::NOFOLLOW;
    }
    let file =
        OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(other(metadata.file_type()));
    }
    Ok((file, metadata))
}

/// What is found where a regular file should be, in one word or two.
pub fn kind_name(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "directory"
    } else if kind.is_symlink() {
        "link"
    } else if kind.is_fifo() {
        "FIFO"
    } else if kind.is_socket() {
        "socket"
    } else if kind.is_char_device() || kind.is_block_device() {
        "device"
    } else {
        "special file"
    }
}
