//! A started sandbox as the method's executor.

use egcfg_guidance::{Executor, ExecutorError};
use egcfg_python::PythonVersion;
use egcfg_sandbox::{Program, Sandbox, TraceOptions};
use egcfg_task::{Observation, Task, Test, TestResult};
use futures::future::BoxFuture;

/// Runs a task's programs in a [`Sandbox`].
#[derive(Clone)]
pub struct SandboxExecutor {
    pub sandbox: Sandbox,
    /// Budgets of every trace.
    pub trace: TraceOptions,
}

impl SandboxExecutor {
    /// Takes over a started sandbox, with the default trace budgets.
    pub fn new(sandbox: Sandbox) -> Self {
        Self { sandbox, trace: TraceOptions::default() }
    }

    /// The interpreter's version, for deciding what is valid Python; the nearest known one.
    pub fn python(&self) -> PythonVersion {
        let version = &self.sandbox.interpreter().version;
        let minor = version.split('.').nth(1).and_then(|minor| minor.parse::<u8>().ok());
        minor.and_then(|minor| PythonVersion::new(3, minor.min(14)).ok()).unwrap_or_default()
    }

    /// Spares a program the import that it failed by, where the interpreter has the module, the profile hides it, and the program
    /// never uses it: samples carry fixed preambles. Says whether anything changed.
    async fn spare(&self, task: &Task, program: &mut Program, results: &[TestResult]) -> bool {
        if !task.context.is_empty() {
            return false;
        }
        let Some(module) = self.sandbox.hidden_module(results).await else { return false };
        let spared = egcfg_python::without_unused_import(&program.source, &module);
        spared.map(|source| program.source = source).is_some()
    }
}

/// A task's program as the sandbox takes it: the text itself, behind what the task's header defines before the entry point
/// where the text lacks it, or the task's context with the text in it.
pub fn program(task: &Task, source: &str) -> Program {
    let source = if task.context.is_empty() {
        egcfg_python::with_preamble(&task.header, &task.entry_point, source).into_owned()
    } else {
        format!("PROGRAM = {}\n{}", egcfg_python::literal(source), task.context)
    };
    Program {
        source,
        entry_point: task.entry_point.clone(),
        form: task.form,
        setup_code: task.setup_code.clone(),
    }
}

impl Executor for SandboxExecutor {
    fn observe<'a>(
        &'a self,
        task: &'a Task,
        source: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Observation>, ExecutorError>> {
        Box::pin(async move {
            let mut program = program(task, source);
            loop {
                let seen = self.sandbox.observe(&program, &task.shown_tests, &self.trace).await;
                let seen = seen.map_err(|error| ExecutorError(error.to_string()))?;
                let results: Vec<_> = seen.iter().map(|seen| seen.result.clone()).collect();
                if !self.spare(task, &mut program, &results).await {
                    return Ok(seen);
                }
            }
        })
    }

    fn judge<'a>(
        &'a self,
        task: &'a Task,
        source: &'a str,
        tests: &'a [Test],
    ) -> BoxFuture<'a, Result<Vec<TestResult>, ExecutorError>> {
        Box::pin(async move {
            let mut program = program(task, source);
            loop {
                let judged = self.sandbox.judge(&program, tests).await;
                let judged = judged.map_err(|error| ExecutorError(error.to_string()))?;
                if !self.spare(task, &mut program, &judged).await {
                    return Ok(judged);
                }
            }
        })
    }
}
