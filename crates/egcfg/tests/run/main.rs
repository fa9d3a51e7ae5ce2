//! `egcfg run` and `submit`: real agents (processes of the real binary) on a folder and on an S3-compatible server, with a model
//! that writes what a script says and the real sandbox.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::format_push_string,
    clippy::case_sensitive_file_extension_comparisons,
    reason = "test helpers; a test that skips says so"
)]

mod agents;
mod bucket;
mod cluster;
mod counts;
mod datasets;
mod faults;
#[cfg(feature = "exec_eval")]
mod grader;
mod grading;
#[cfg(feature = "exec_eval")]
#[path = "../../../egcfg-sandbox/tests/remote/server.rs"]
#[allow(dead_code, reason = "shared with the sandbox's own tests")]
mod remote_judge;
mod settings;
mod settled;
#[path = "../cli/run.rs"]
#[allow(dead_code, reason = "shared with the other test programs")]
mod start;
mod world;
