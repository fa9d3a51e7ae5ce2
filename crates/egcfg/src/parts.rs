//! The concrete parts behind the method's traits: a loaded model, a started sandbox.

use egcfg_guidance::{Executor, ExecutorError};
use egcfg_model::{LlamaModel, LlamaOptions};
use egcfg_python::PythonVersion;
use egcfg_sandbox::{Limits, Program, Sandbox, SandboxOptions, TraceOptions};
use egcfg_task::{Observation, Task, Test, TestResult};
use futures::future::BoxFuture;

use crate::args::{ModelArgs, SandboxArgs};
use crate::exit::Failure;

/// Loads the model. `tasks` is how many tasks run at the same time: each wants room in the cache.
pub(crate) fn load_model(args: &ModelArgs, tasks: usize) -> Result<LlamaModel, Failure> {
    let mut options = LlamaOptions::new(&args.model);
    options.context = args.context;
    options.threads = args.threads;
    options.gpu_layers = args.gpu_layers;
    options.cache_tokens = args.cache;
    options.max_sequences = Some(64.max(24 * tasks).min(256));
    if args.exact {
        options = options.exact();
    }
    if args.model == "pocket" {
        // A small model's cache is small: room for every task's two prompts and all their candidates.
        options.cache_tokens = options.cache_tokens.or(Some(8192 * tasks.clamp(1, 8)));
        return Ok(LlamaModel::pocket_with(&options)?);
    }
    Ok(LlamaModel::load(&options)?)
}

/// A started sandbox as the method's executor.
#[derive(Clone)]
pub(crate) struct Runner {
    pub(crate) sandbox: Sandbox,
    trace: TraceOptions,
}

impl Runner {
    /// Starts the sandbox.
    pub(crate) async fn start(args: &SandboxArgs) -> Result<Self, Failure> {
        let limits = Limits {
            wall: args.timeout * 2,
            cpu: args.timeout,
            idle: args.timeout,
            memory: args.memory_limit.max(64) << 20,
            ..Limits::default()
        };
        let mut options = SandboxOptions { python: args.python.clone(), limits, ..SandboxOptions::default() };
        if let Some(workers) = args.workers {
            options.workers = workers.max(1);
        }
        Ok(Self { sandbox: Sandbox::start(options).await?, trace: TraceOptions::default() })
    }

    /// The interpreter's version, for deciding what is valid Python; the nearest known one.
    pub(crate) fn python(&self) -> PythonVersion {
        let version = &self.sandbox.interpreter().version;
        let minor = version.split('.').nth(1).and_then(|minor| minor.parse::<u8>().ok());
        minor.and_then(|minor| PythonVersion::new(3, minor.min(14)).ok()).unwrap_or_default()
    }
}

/// A task's program as the sandbox takes it.
pub(crate) fn program(task: &Task, source: &str) -> Program {
    Program {
        source: source.to_owned(),
        entry_point: task.entry_point.clone(),
        form: task.form,
        setup_code: task.setup_code.clone(),
    }
}

impl Executor for Runner {
    fn observe<'a>(
        &'a self,
        task: &'a Task,
        source: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Observation>, ExecutorError>> {
        Box::pin(async move {
            let program = program(task, source);
            let seen = self.sandbox.observe(&program, &task.shown_tests, &self.trace).await;
            seen.map_err(|error| ExecutorError(error.to_string()))
        })
    }

    fn judge<'a>(
        &'a self,
        task: &'a Task,
        source: &'a str,
        tests: &'a [Test],
    ) -> BoxFuture<'a, Result<Vec<TestResult>, ExecutorError>> {
        Box::pin(async move {
            let judged = self.sandbox.judge(&program(task, source), tests).await;
            judged.map_err(|error| ExecutorError(error.to_string()))
        })
    }
}
