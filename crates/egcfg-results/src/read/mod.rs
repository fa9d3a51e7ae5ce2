//! Reading results back: every `task_id=..` file below a folder ([`Folder`]), each as a [`Cell`]. A file that cannot be
//! used is one unit's problem: it is named with its reason, and everything else is read.

mod cell;
mod error;
mod file;
mod folder;
mod natural;

pub use cell::{Cell, TestOutcome, stop_words};
pub use error::ReadError;
pub use file::bytes;
pub use folder::{
    Filter, Folder, Group, error_records, experiments, list, names, read_experiment, result_folders,
};
pub use natural::natural;
