//! Data sets from file to score: tiny files of our own in every published layout, through a real interpreter.
#![allow(clippy::unwrap_used, reason = "what a helper cannot have fails the test")]

mod errors;
mod evaluating;
mod loading;
mod samples;
mod shared;
mod verifying;

use std::path::{Path, PathBuf};

use egcfg_bench::dataset::{Dataset, LoadOptions};
use egcfg_grade::SandboxExecutor;
use egcfg_sandbox::{Limits, Sandbox, SandboxOptions};

/// A file of this folder's data.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// All tasks of one of those files.
fn load(set: &str, name: &str) -> Dataset {
    let options = LoadOptions { split: Some("all".into()), ..LoadOptions::default() };
    Dataset::load(set, &file(name), &options).unwrap_or_else(|error| panic!("{name}: {error}"))
}

async fn executor() -> SandboxExecutor {
    let second = std::time::Duration::from_secs(1);
    let limits = Limits { wall: 10 * second, cpu: 2 * second, idle: 5 * second, ..Limits::default() };
    let options = SandboxOptions { workers: 2, limits, ..SandboxOptions::default() };
    SandboxExecutor::new(Sandbox::start(options).await.unwrap())
}
