//! What is read: task files, results, and the knobs of the method.

pub(crate) mod experiment;
pub(crate) mod knobs;
pub(crate) mod results;
pub(crate) mod task_file;
