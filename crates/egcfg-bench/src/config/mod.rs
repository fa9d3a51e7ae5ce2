//! What an experiment is told: [`Overrides`] from the reference's files (`session`), from a TOML file of ours (`file`) and
//! from the command line are laid over each other, and resolved into one [`Experiment`], which is kept beside the results.

mod experiment;
pub mod file;
mod overrides;
pub mod session;
mod typo;

pub use experiment::{BestOfBudget, EXPERIMENT_VERSION, Experiment, SettleError};
pub use overrides::{Grid, Overrides};

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
