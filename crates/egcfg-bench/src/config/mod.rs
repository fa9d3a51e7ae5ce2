//! What an experiment is told: [`Overrides`] from the reference's files (`session`), from a TOML file of ours (`file`) and
//! from the command line are laid over each other, and [`resolve`]d into one experiment, which is [`settle`]d beside the results.

pub mod file;
mod names;
mod overrides;
mod resolve;
pub mod session;
mod settle;
mod typo;

pub use overrides::{Grid, Overrides};
pub use resolve::resolve;
pub use settle::{SettleError, Settled, settle};

use thiserror::Error;

/// A file or value of an experiment that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {reason}")]
pub struct ConfigError {
    /// The file, with line or key where known.
    pub place: String,
    /// What is wrong with it, and what was expected.
    pub reason: String,
}

impl ConfigError {
    pub(crate) fn new(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { place: place.into(), reason: reason.into() }
    }
}
