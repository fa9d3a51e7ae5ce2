//! What the method needs of a sandbox: run a program on a task's tests, traced or not. The trait keeps this crate free of
//! processes, so the whole method runs on scripted parts in tests.

use egcfg_task::{Observation, Task, Test, TestResult};
use futures::future::BoxFuture;
use thiserror::Error;

/// The sandbox itself failed; nothing is known about the program.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ExecutorError(pub String);

/// Runs programs of a task.
pub trait Executor: Send + Sync {
    /// Runs a program on every shown test, traced and judged; one observation per shown test, in order.
    fn observe<'a>(
        &'a self,
        task: &'a Task,
        program: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Observation>, ExecutorError>>;

    /// Judges a program on the given tests; one result per test, in order.
    fn judge<'a>(
        &'a self,
        task: &'a Task,
        program: &'a str,
        tests: &'a [Test],
    ) -> BoxFuture<'a, Result<Vec<TestResult>, ExecutorError>>;
}
