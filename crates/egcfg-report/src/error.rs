//! Why no report can be had.

use egcfg_results::read::ReadError;
use thiserror::Error;

/// An error of reading results or of showing them; messages are fragments.
#[derive(Debug, Error)]
pub enum ReportError {
    /// The results.
    #[error(transparent)]
    Results(#[from] ReadError),
    /// The terminal could not be used.
    #[error("failed to draw on the terminal: {0}")]
    Terminal(std::io::Error),
}
