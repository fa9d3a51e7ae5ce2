//! The concrete parts behind the method's traits: a loaded model, a started sandbox.

use std::sync::Arc;

use egcfg_bench::SandboxExecutor;
use egcfg_model::LanguageModel;
#[cfg(feature = "llama")]
use egcfg_model::{LlamaModel, LlamaOptions};
use egcfg_sandbox::{Limits, Sandbox, SandboxOptions};

use crate::args::{ModelArgs, SandboxArgs};
use crate::exit::Failure;

/// Loads the model. `tasks` is how many tasks run at the same time: each wants room in the cache.
#[cfg(feature = "llama")]
pub(crate) fn load_model(args: &ModelArgs, tasks: usize) -> Result<Arc<dyn LanguageModel>, Failure> {
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
        return Ok(Arc::new(LlamaModel::pocket_with(&options)?));
    }
    Ok(Arc::new(LlamaModel::load(&options)?))
}

/// Loads the model: there is no local engine in this build.
#[cfg(not(feature = "llama"))]
pub(crate) fn load_model(args: &ModelArgs, _tasks: usize) -> Result<Arc<dyn LanguageModel>, Failure> {
    Err(Failure::usage(format!("failed to load {}: this build has no local engine", args.model))
        .hint("build egcfg with its default features"))
}

/// Starts the sandbox as the method's executor.
pub(crate) async fn start_runner(args: &SandboxArgs) -> Result<SandboxExecutor, Failure> {
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
    Ok(SandboxExecutor::new(Sandbox::start(options).await?))
}
