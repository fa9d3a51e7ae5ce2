//! Programs that run by themselves, on a standard input: what `/run_code` needs of a sandbox.

use std::time::Duration;

use egcfg_grade::SandboxExecutor;
use egcfg_guidance::ExecutorError;
pub use egcfg_sandbox::Ran;
use futures::future::BoxFuture;

/// A program to run, as `python3 program.py < stdin` would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// Its text.
    pub source: String,
    /// What it can read.
    pub stdin: String,
    /// How long it may run at most; the sandbox's own limits hold besides.
    pub time: Duration,
}

/// Runs programs by themselves.
pub trait Scripts: Send + Sync {
    /// Runs one to its end, or to its limit. When the future is dropped, the program and all that it began are ended.
    fn run<'a>(&'a self, script: &'a Script) -> BoxFuture<'a, Result<Ran, ExecutorError>>;
}

impl Scripts for SandboxExecutor {
    fn run<'a>(&'a self, script: &'a Script) -> BoxFuture<'a, Result<Ran, ExecutorError>> {
        Box::pin(async move {
            let ran = self.sandbox.run_script(&script.source, &script.stdin, script.time).await;
            ran.map_err(|error| ExecutorError(error.to_string()))
        })
    }
}
