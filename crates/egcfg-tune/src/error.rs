//! Everything that can go wrong while tuning, as values whose texts read on after "failed to ...".

use std::path::{Path, PathBuf};

use egcfg_results::read::ReadError;
use thiserror::Error;

/// Why a step of tuning did not succeed.
#[derive(Debug, Error)]
pub enum TuneError {
    /// A file could not be read or written.
    #[error("{action} {}: {reason}", path.display())]
    File {
        /// What was tried, such as `open`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// A line of a file is not what it should be.
    #[error("{}, line {line}: {reason}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong, with the field.
        reason: String,
    },
    /// A model file cannot be trained on.
    #[error("{}: {reason}", path.display())]
    Base {
        /// The model file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A setting is out of its range.
    #[error("{field}: {reason}")]
    Setting {
        /// The setting, as its flag is called.
        field: &'static str,
        /// What is wrong, with a hint.
        reason: String,
    },
    /// A task could not be sampled or put into words.
    #[error("task {task}: {reason}")]
    Task {
        /// The task's id.
        task: String,
        /// What failed: the model, the sandbox, the prompt.
        reason: String,
    },
    /// Held-out tasks are among the training tasks.
    #[error(
        "{place}: held-out tasks are among the training tasks: {named} (hint: what is trained on must not be scored on: choose other tasks or another split, or --leave-out-overlap)"
    )]
    Overlap {
        /// The file of the held-out tasks.
        place: String,
        /// The tasks, as held-out and as training tasks.
        named: String,
    },
    /// Results cannot be read.
    #[error(transparent)]
    Results(#[from] ReadError),
    /// A result without a score: neither solved nor unsolved.
    #[error("{}: task {task} has no score: {reason}", results.display())]
    Unscored {
        /// The results folder.
        results: PathBuf,
        /// The task's id.
        task: String,
        /// Why.
        reason: String,
    },
    /// A computation failed in the tensor library: too little memory, a device that is gone.
    #[error("the tensor library: {0}")]
    Tensor(#[from] candle_core::Error),
    /// A loss or a gradient was not a finite number.
    #[error("step {step}: the {what} is not a finite number (hint: a lower --learning-rate)")]
    Diverged {
        /// The optimiser's step, from 1.
        step: usize,
        /// What overflowed.
        what: &'static str,
    },
    /// An outside trainer failed.
    #[error("the PEFT worker: {0}")]
    Worker(String),
    /// The caller asked to stop; what was saved stays.
    #[error("stopped on request")]
    Stopped,
}

impl TuneError {
    /// A file error from the system's own words.
    pub fn file(action: &'static str, path: &Path, error: &std::io::Error) -> Self {
        Self::File { action, path: path.to_owned(), reason: error.to_string() }
    }
}
