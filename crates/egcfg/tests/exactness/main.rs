//! Exactness on a real model, with single-precision weights and cache, one task at a time: the drafted schedule against the
//! one-step schedule, and models behind real servers against the model in this process.

#![allow(
    clippy::unwrap_used,
    clippy::manual_is_multiple_of,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "test helpers, which say what they measured and what they leave out"
)]

mod parts;
mod peers;
mod schedules;
mod servers;
#[path = "../cli/run.rs"]
#[allow(dead_code, reason = "shared with the other test programs")]
mod start;
