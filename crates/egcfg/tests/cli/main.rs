//! The real binary, as a person or a script uses it: exit code, standard output, standard error.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::manual_is_multiple_of,
    clippy::format_collect,
    dead_code,
    reason = "test helpers"
)]

mod errors;
mod hub;
mod paths;
mod programs;
mod run;
mod serving;
mod solving;
mod stopping;
#[path = "../../../egcfg-hub/tests/support/hub.rs"]
mod support;
mod text;
