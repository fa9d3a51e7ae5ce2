//! Everything that can go wrong while tuning, as values whose texts read on after "failed to ...".

use std::path::{Path, PathBuf};

use egcfg_hub::CheckpointError;
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
    /// A task could not be sampled or put into words, because of the task.
    #[error("task {task}: {reason}")]
    Task {
        /// The task's id.
        task: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The model failed while it wrote for a task.
    #[error("task {task}: {reason}")]
    Model {
        /// The task's id.
        task: String,
        /// What the model said.
        reason: String,
    },
    /// The sandbox failed while it ran a task's programs.
    #[error("task {task}: {reason}")]
    Sandbox {
        /// The task's id.
        task: String,
        /// What the sandbox said.
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
    #[error("the tensor library: {}", first_line(.0))]
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

impl From<CheckpointError> for TuneError {
    fn from(error: CheckpointError) -> Self {
        Self::Base { path: error.file, reason: error.problem.to_string() }
    }
}

impl TuneError {
    /// A file error from the system's own words.
    pub fn file(action: &'static str, path: &Path, error: &std::io::Error) -> Self {
        Self::File { action, path: path.to_owned(), reason: error.to_string() }
    }

    /// What the tensor library found wrong with a model or adapter file.
    pub(crate) fn base(path: &Path, error: &candle_core::Error) -> Self {
        Self::Base { path: path.to_owned(), reason: first_line(error) }
    }
}

/// What is wrong, without the stack trace that the tensor library adds where one is asked for.
fn first_line(error: &candle_core::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
