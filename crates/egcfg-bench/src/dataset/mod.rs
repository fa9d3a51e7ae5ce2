//! Public data sets as tasks: [`Dataset::load`] reads the files that their users have and says, per task, which tests may
//! be shown and which decide. [`registry`] holds what is known about each set: where it comes from, its licence, the
//! checksum of the file that was checked, and the reference solutions that fail through no fault of the sandbox.
//!
//! ```no_run
//! use egcfg_bench::dataset::{Dataset, LoadOptions};
//!
//! # fn example() -> Result<(), egcfg_bench::dataset::DatasetError> {
//! let options = LoadOptions { limit: Some(20), ..LoadOptions::default() };
//! let set = Dataset::load("mbpp", "mbpp.jsonl.gz".as_ref(), &options)?;
//! for warning in &set.warnings {
//!     println!("{warning}");
//! }
//! for task in set.tasks() {
//!     println!("{}: {} shown tests", task.id, task.shown_tests.len());
//! }
//! # Ok(())
//! # }
//! ```

mod code_contests;
mod ds1000;
mod error;
mod evalplus;
mod humaneval;
mod item;
mod known;
mod left_out;
mod load;
mod mbpp;
mod parquet;
pub mod registry;
mod select;
mod source;
mod tasks;
mod toml_places;

pub use error::DatasetError;
pub use item::{Item, LoadOptions, id_key};
pub use load::Dataset;
pub use registry::Info;
pub use tasks::{FIELDS as TASK_FIELDS, TaskList, read_tasks, task_from_parts, tasks_from_lines};
