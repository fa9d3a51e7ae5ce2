//! What is written: data on standard output, progress and warnings on standard error, the event log, results.

pub(crate) mod endpoint;
pub(crate) mod event_log;
pub(crate) mod file;
pub(crate) mod meter;
pub(crate) mod progress;
pub(crate) mod requests;
pub(crate) mod result;
pub(crate) mod run_progress;
pub(crate) mod terminal;
pub(crate) mod text;
