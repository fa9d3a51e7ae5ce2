//! Why results cannot be read.

use std::path::PathBuf;

use thiserror::Error;

/// An error of reading a results folder; messages are fragments.
#[derive(Debug, Error)]
pub enum ReadError {
    /// A folder could not be read.
    #[error("failed to read {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// There is no result below a folder.
    #[error("{} holds no results (files named task_id=<id>_gamma=<g>.json)", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// Results are there, but none that was asked for.
    #[error("no results match {wanted}; there are {found}")]
    NoMatch {
        /// What was asked for.
        wanted: String,
        /// What there is.
        found: String,
    },
}
