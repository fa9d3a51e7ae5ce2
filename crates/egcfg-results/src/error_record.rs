//! What is kept of a unit that could not be carried out for reasons that are not its program's.

use serde::{Deserialize, Serialize};

/// Version of [`ErrorRecord`]; raised on purpose when a field changes its meaning.
pub const ERROR_VERSION: u32 = 1;

/// An infrastructure error, as it is kept beside the results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorRecord {
    /// [`ERROR_VERSION`].
    pub version: u32,
    /// The task's id.
    pub task: String,
    /// Folder and name of the unit.
    pub unit: String,
    /// The agent that met it.
    pub agent: String,
    /// How many errors the unit has had, this one included.
    pub attempt: u32,
    /// `model`, `sandbox`, `prompt` or `grader`.
    pub kind: String,
    /// What happened.
    pub message: String,
    /// Whether trying again gives the same.
    pub permanent: bool,
    /// Seconds since 1970.
    pub time: f64,
}
