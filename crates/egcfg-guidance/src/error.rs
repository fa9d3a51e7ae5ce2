//! Why a generation could not be carried out; a program that fails its tests is no error.

use egcfg_model::ModelError;
use thiserror::Error;

use crate::executor::ExecutorError;
use crate::template::TemplateError;

/// A part that the method stands on failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GuidanceError {
    /// The model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The sandbox.
    #[error(transparent)]
    Executor(#[from] ExecutorError),
    /// The prompt template.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A promise between this crate's own parts does not hold: a bug, told instead of covered up.
    #[error("internal error: {0}")]
    Broken(String),
}
