//! The concrete parts behind the method's traits: a loaded model, a started sandbox.

use std::sync::Arc;

use egcfg_grade::SandboxExecutor;
use egcfg_model::{EndpointModel, EndpointOptions, LanguageModel, Secret};
#[cfg(feature = "llama")]
use egcfg_model::{LlamaModel, LlamaOptions};
use egcfg_sandbox::{Level, LevelChoice, Limits, Profile, Sandbox, SandboxOptions};
use egcfg_task::{Form, Task};

use crate::args::{ModelArgs, SandboxArgs};
use crate::exit::Failure;
use crate::output::text::note;

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
    options.tokenizer.clone_from(&args.tokenizer);
    options.key = match &args.key_file {
        Some(path) => Some(Secret::from_file(path)?),
        None => std::env::var("OPENAI_API_KEY").ok().as_deref().and_then(Secret::new),
    };
    Ok(Some(EndpointModel::connect(options)?))
}

#[cfg(feature = "llama")]
fn load_local(args: &ModelArgs, tasks: usize) -> Result<Arc<dyn LanguageModel>, Failure> {
    let mut options = LlamaOptions::new(crate::commands::convert::resolve(&args.model, args.offline)?);
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

/// Starts the sandbox as the method's executor, and says once what does not protect this machine.
pub(crate) async fn start_runner(args: &SandboxArgs) -> Result<SandboxExecutor, Failure> {
    start_sandbox(args, sandbox_options(args)).await
}

/// The flags, with the kind of programs that the tasks ask for where none was named. Where one task reads standard input,
/// all get the time, the output and the stack of such programs.
pub(crate) fn for_tasks<'a>(
    args: &SandboxArgs,
    tasks: impl IntoIterator<Item = &'a Task>,
    science: bool,
) -> SandboxArgs {
    let found = || match tasks.into_iter().any(|task| task.form == Form::Stdio) {
        _ if science => Profile::DataScience,
        true => Profile::Stdio,
        false => Profile::Plain,
    };
    SandboxArgs { profile: Some(args.profile.unwrap_or_else(found)), ..args.clone() }
}

/// What the flags ask of a sandbox.
pub(crate) fn sandbox_options(args: &SandboxArgs) -> SandboxOptions {
    let mut options = SandboxOptions {
        python: args.python.clone(),
        level: args.sandbox,
        calibrate: args.calibrate,
        limits: limits(args),
        ..SandboxOptions::of(args.profile.unwrap_or_default())
    };
    if let Some(workers) = args.workers {
        options.workers = workers.max(1);
    }
    options
}

/// Starts a sandbox with these options, and says once what does not protect this machine.
pub(crate) async fn start_sandbox(
    args: &SandboxArgs,
    options: SandboxOptions,
) -> Result<SandboxExecutor, Failure> {
    let sandbox = Sandbox::start(options).await?;
    if args.sandbox == LevelChoice::Exactly(Level::None) {
        note("warning: programs run without protection (--sandbox none): they can do what this user can");
    } else if let Some(line) = shortfall(&sandbox) {
        note(&line);
    }
    Ok(SandboxExecutor::new(sandbox))
}

/// What `auto` could not have, as one line.
fn shortfall(sandbox: &Sandbox) -> Option<String> {
    let missing: Vec<_> = sandbox.missing().collect();
    let first = missing.first()?;
    let more = missing.len() - 1;
    let others = if more == 0 { String::new() } else { format!(" and {more} more") };
    Some(format!(
        "note: sandbox level {} in force; not {}: {} ({}){others}; `egcfg doctor` lists them",
        sandbox.level(),
        first.layer,
        first.name,
        first.missing.as_deref().unwrap_or_default(),
    ))
}

/// The kind's limits with what was asked for in their place.
fn limits(args: &SandboxArgs) -> Limits {
    let mut limits = args.profile.unwrap_or_default().limits();
    if let Some(timeout) = args.timeout {
        (limits.cpu, limits.idle, limits.wall) = (timeout, timeout, timeout * 2);
    }
    limits.wall = args.wall_limit.unwrap_or(limits.wall);
    limits.idle = args.idle_limit.unwrap_or(limits.idle);
    limits.memory = args.memory_limit.map_or(limits.memory, |mib| mib << 20);
    limits.threads = args.thread_limit.unwrap_or(limits.threads);
    limits.output = args.output_limit.map_or(limits.output, |kib| kib << 10);
    limits.disk = args.disk_limit.map_or(limits.disk, |mib| mib << 20);
    limits.file_size = limits.file_size.min(limits.disk);
    limits.entries = args.file_limit.unwrap_or(limits.entries);
    limits
}
