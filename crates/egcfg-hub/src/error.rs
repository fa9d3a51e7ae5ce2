//! What can be wrong with a checkpoint folder: the file, the field in it, and what is the matter.

use std::path::{Path, PathBuf};

/// Why a checkpoint cannot be converted.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", file.display())]
pub struct CheckpointError {
    /// The file that is at fault.
    pub file: PathBuf,
    /// What is the matter with it.
    pub problem: Problem,
}

/// What is the matter with a file of a checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// It cannot be read or written.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// It is no JSON of the expected shape.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// A field holds something that this version does not know, or that contradicts another.
    #[error("{field}: {reason}")]
    Field {
        /// The field's path, such as `rope_scaling.type`, or a tensor's name.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The work was ended from outside.
    #[error("interrupted")]
    Interrupted,
}

impl From<egcfg_files::FileError> for Problem {
    fn from(error: egcfg_files::FileError) -> Self {
        Self::Io(match error {
            egcfg_files::FileError::Io { error, .. } => error,
            other => std::io::Error::other(other.reason()),
        })
    }
}

impl Problem {
    pub(crate) fn field(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Field { field: field.into(), reason: reason.into() }
    }

    pub(crate) fn in_file(self, file: &Path) -> CheckpointError {
        CheckpointError { file: file.to_owned(), problem: self }
    }
}

/// Puts the file's name to what went wrong in it.
pub(crate) trait InFile<T> {
    fn in_file(self, file: &Path) -> Result<T, CheckpointError>;
}

impl<T, E: Into<Problem>> InFile<T> for Result<T, E> {
    fn in_file(self, file: &Path) -> Result<T, CheckpointError> {
        self.map_err(|error| error.into().in_file(file))
    }
}
