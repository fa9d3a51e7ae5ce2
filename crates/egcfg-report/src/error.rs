//! Why no report can be had.

use std::path::PathBuf;

use thiserror::Error;

/// An error of reading or writing; messages are fragments.
#[derive(Debug, Error)]
pub enum ReportError {
    /// A folder or file could not be read.
    #[error("failed to read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
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
    /// A file could not be written.
    #[error("failed to write {}: {source}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The terminal could not be used.
    #[error("failed to draw on the terminal: {0}")]
    Terminal(std::io::Error),
}
