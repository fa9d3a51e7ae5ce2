//! What is read: task files, results, and data sets.

pub(crate) mod dataset;
pub(crate) mod doubts;
pub(crate) mod experiment;
pub(crate) mod results;
pub(crate) mod task_file;
