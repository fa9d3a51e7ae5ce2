//! Why a download ended.

use std::path::{Path, PathBuf};

/// Why a download ended.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The hub does not let this user read the repository.
    #[error("{repository} may not be read ({status})")]
    Denied {
        repository: String,
        /// Status of the reply.
        status: u16,
        /// Whether its owner asks readers to accept conditions.
        gated: bool,
    },
    /// No such repository, revision or file.
    #[error("{0} does not exist on the hub")]
    Absent(String),
    /// The repository has nothing that can be loaded, or not what was named.
    #[error("{repository} has no {wanted}; it has {there}")]
    NoSuchFile {
        repository: String,
        /// What was looked for.
        wanted: String,
        /// GGUF files that are there.
        there: String,
    },
    /// The bytes are not those that the hub announced, twice.
    #[error("{file} has another checksum than announced")]
    Checksum { file: String },
    /// The hub cannot be reached, or breaks off again and again.
    #[error("{what}: {reason}")]
    Network {
        /// The file or list.
        what: String,
        /// The last error.
        reason: String,
    },
    /// The cache cannot be written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        source: std::io::Error,
    },
    /// The work was ended from outside.
    #[error("interrupted")]
    Interrupted,
}

/// An error of the file system, with its path.
pub(super) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> DownloadError + '_ {
    move |source| DownloadError::Io { path: path.to_owned(), source }
}
