//! Requests with `tests`: decoded under execution guidance. The reply's text is the program, and `egcfg` says which tests it
//! passes. As a stream, what happens comes as events without text, since a later attempt may replace an earlier one; the
//! program comes with the verdict in the last part, so that the texts of a stream always add up to the program.

mod asked;
mod chunks;
mod config;
mod handle;
mod order;
mod outcome;
mod task;

pub(crate) use asked::Form;
pub(crate) use handle::handle;
pub(crate) use task::task;
