//! What can be wrong with a data file, named by file, line and field.

use std::path::PathBuf;

/// Why a data set could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// No data set has this name.
    #[error("there is no data set '{0}'")]
    Unknown(String),
    /// The file cannot be read.
    #[error("failed to read {}: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// The file's ending or content is none that is read.
    #[error("failed to read {}: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// A record is not JSON, or no object.
    #[error("{place}: {reason}")]
    Record {
        /// File and line (rows of a parquet file are counted from 1).
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// The file's ending is none of a task file.
    #[error("{} is not a task file", .0.display())]
    NotTasks(PathBuf),
    /// A task of the user's own is none.
    #[error("{place}: {reason}")]
    Task {
        /// File, line and column.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// A field is missing or holds something else.
    #[error("{place}: field `{field}`: {reason}")]
    Field {
        /// File and line.
        place: String,
        /// The field's name.
        field: String,
        /// What is wrong.
        reason: String,
    },
    /// A selection names what is not there.
    #[error("{0}")]
    Selection(String),
    /// The file holds no record.
    #[error("{} holds no record", .0.display())]
    Empty(PathBuf),
}

impl DatasetError {
    /// What a person can do about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown(_) => {
                let names: Vec<&str> = super::registry::all().iter().map(|info| info.name).collect();
                Some(format!("the data sets are {}, and tasks for a file of your own", names.join(", ")))
            }
            Self::Format { .. } => {
                Some("data files are JSON Lines (.jsonl), also as .gz or .zst, .json or .parquet".to_owned())
            }
            Self::NotTasks(_) => Some("task files end in .toml, .json or .jsonl".to_owned()),
            Self::Task { .. } => Some(super::tasks::FIELDS.to_owned()),
            Self::Field { field, reason, .. } if field == "tests" && reason == "is empty" => {
                Some("guidance needs at least one test, such as \"assert f(2) == 4\"".to_owned())
            }
            Self::Field { field, reason, .. }
                if field == "entry_point" && reason.starts_with("is missing, and") =>
            {
                Some("name it with `entry_point`".to_owned())
            }
            Self::Field { field, reason, .. } if reason == "is missing" => Some(format!(
                "is this file of the data set that --dataset names? its records have the field `{field}`"
            )),
            _ => None,
        }
    }
}
