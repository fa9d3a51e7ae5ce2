//! Why a data set or a file of tasks cannot be used at all. What is wrong with one record is a [`Fault`] of that record.

use std::path::PathBuf;

use egcfg_files::{Fault, FileError};

/// Why a data set could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// No data set has this name.
    #[error("there is no data set '{name}'")]
    Unknown {
        name: String,
        /// Those that there are.
        known: Vec<&'static str>,
    },
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file's content is none that is read.
    #[error("failed to read {}: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The file's ending is none of a task file.
    #[error("{} is not a task file", .0.display())]
    NotTasks(PathBuf),
    /// No record can be used; this is the first one's fault.
    #[error("{fault}{}", also(*more))]
    Fault {
        /// The first.
        fault: Fault,
        /// How many further ones there are.
        more: usize,
        /// What would be right, where a person wrote the file.
        fields: Option<&'static str>,
    },
    /// A selection names what is not there.
    #[error("{0}")]
    Selection(String),
    /// The file holds no record.
    #[error("{} holds no record", .0.display())]
    Empty(PathBuf),
}

fn also(more: usize) -> String {
    if more == 0 { String::new() } else { format!(" (and {more} more of its records cannot be used)") }
}

impl DatasetError {
    /// The error of a file without a usable record.
    pub(super) fn of(mut faults: Vec<Fault>, fields: Option<&'static str>) -> Option<Self> {
        if faults.is_empty() {
            return None;
        }
        let fault = faults.swap_remove(0);
        Some(Self::Fault { fault, more: faults.len(), fields })
    }

    /// What a person can do about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { known, .. } => {
                Some(format!("the data sets are {}, and tasks for a file of your own", known.join(", ")))
            }
            Self::File(error) => error.hint(),
            Self::Format { .. } => {
                Some("data files are JSON Lines (.jsonl), also as .gz or .zst, .json or .parquet".to_owned())
            }
            Self::NotTasks(_) => Some("task files end in .toml, .json or .jsonl".to_owned()),
            Self::Fault { fault, fields, .. } => match (fault.field.as_deref(), fault.reason.as_str()) {
                (Some("tests"), "is empty") => {
                    Some("guidance needs at least one test, such as \"assert f(2) == 4\"".to_owned())
                }
                (Some("entry_point"), reason) if reason.starts_with("is missing, and") => {
                    Some("name it with `entry_point`".to_owned())
                }
                _ if fields.is_some() => fields.map(str::to_owned),
                (Some(field), "is missing") => Some(format!(
                    "is this file of the data set that --dataset names? its records have the field `{field}`"
                )),
                _ => None,
            },
            _ => None,
        }
    }
}
