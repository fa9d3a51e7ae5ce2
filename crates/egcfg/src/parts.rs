//! The concrete parts behind the method's traits: a loaded model, a started sandbox.

use std::sync::Arc;

use egcfg_bench::SandboxExecutor;
use egcfg_model::{EndpointModel, EndpointOptions, LanguageModel, Secret};
#[cfg(feature = "llama")]
use egcfg_model::{LlamaModel, LlamaOptions};
use egcfg_sandbox::{Limits, Sandbox, SandboxOptions};

use crate::args::{ModelArgs, SandboxArgs};
use crate::exit::Failure;

/// Loads the model, or connects to the server that has it. `tasks` is how many tasks run at the same time: each wants room
/// in the cache.
pub(crate) fn load_model(args: &ModelArgs, tasks: usize) -> Result<Arc<dyn LanguageModel>, Failure> {
    match connect(args)? {
        Some(model) => Ok(Arc::new(model)),
        None => load_local(args, tasks),
    }
}

/// Connects to the server that the model's name gives; nothing where it names a local model.
pub(crate) fn connect(args: &ModelArgs) -> Result<Option<EndpointModel>, Failure> {
    let base = || {
        std::env::var("OPENAI_BASE_URL").ok().filter(|base| !base.is_empty()).ok_or_else(|| {
            Failure::usage(format!("--model {}: OPENAI_BASE_URL is not set", args.model))
                .hint("give the whole address: --model http://host:port/v1#name")
        })
    };
    let address = match args.model.strip_prefix('#') {
        Some(name) => format!("{}#{name}", base()?),
        None if args.model == "openai" => base()?,
        None if EndpointOptions::is_address(&args.model) => args.model.clone(),
        None => return Ok(None),
    };
    let mut options = EndpointOptions::parse(&address)?;
    options.context = args.context.or(options.context);
    options.key = match &args.key_file {
        Some(path) => Some(Secret::from_file(path)?),
        None => std::env::var("OPENAI_API_KEY").ok().as_deref().and_then(Secret::new),
    };
    Ok(Some(EndpointModel::connect(options)?))
}

#[cfg(feature = "llama")]
fn load_local(args: &ModelArgs, tasks: usize) -> Result<Arc<dyn LanguageModel>, Failure> {
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

/// There is no local engine in this build.
#[cfg(not(feature = "llama"))]
fn load_local(args: &ModelArgs, _tasks: usize) -> Result<Arc<dyn LanguageModel>, Failure> {
    Err(Failure::usage(format!("failed to load {}: this build has no local engine", args.model))
        .hint("name a server: --model http://host:port/v1#name, or build egcfg with its default features"))
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
