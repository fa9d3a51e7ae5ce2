//! The model behind a name: the embedded one, a file, a server, or a script.

use std::sync::Arc;

use egcfg_model::{EndpointModel, EndpointOptions, LanguageModel, Secret};
#[cfg(feature = "llama")]
use egcfg_model::{LlamaModel, LlamaOptions};

#[cfg(feature = "llama")]
use super::hub;
use super::scripted;
use crate::args::model::ModelArgs;
use crate::exit::Failure;
use crate::output::text::note;
#[cfg(feature = "llama")]
use crate::settings::defaults;

/// Loads the model, or connects to the server that has it. `tasks` is how many tasks run at the same time: each wants room
/// in the cache.
pub(crate) fn load_model(args: &ModelArgs, tasks: usize) -> Result<Arc<dyn LanguageModel>, Failure> {
    if let Some(file) = args.name().strip_prefix(scripted::PREFIX) {
        return scripted::load(file);
    }
    let model: Arc<dyn LanguageModel> = match connect(args)? {
        Some(model) => Arc::new(model),
        None => load_local(args, tasks)?,
    };
    for (_, warning) in model.info().details.iter().filter(|(key, _)| key == "warning") {
        note(&format!("warning: {}: {warning}", args.name()));
    }
    Ok(model)
}

/// Connects to the server that the model's name gives; nothing where it names a local model.
pub(crate) fn connect(args: &ModelArgs) -> Result<Option<EndpointModel>, Failure> {
    let name = args.name();
    let base = || {
        std::env::var("OPENAI_BASE_URL").ok().filter(|base| !base.is_empty()).ok_or_else(|| {
            Failure::usage(format!("--model {name}: OPENAI_BASE_URL is not set"))
                .hint("give the whole address: --model http://host:port/v1#name")
        })
    };
    let address = match name.strip_prefix('#') {
        Some(model) => format!("{}#{model}", base()?),
        None if name == "openai" => base()?,
        None if EndpointOptions::is_address(name) => name.to_owned(),
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
    let mut options = LlamaOptions::new(hub::resolve(args.name(), args.offline)?);
    options.context = args.context;
    options.threads = args.threads;
    options.gpu_layers = args.gpu_layers;
    options.cache_tokens = args.cache;
    options.max_sequences = Some(64.max(24 * tasks).min(256));
    if args.exact {
        options = options.exact();
    }
    if args.name() == defaults::MODEL {
        // A small model's cache is small: room for every task's two prompts and all their candidates.
        options.cache_tokens = options.cache_tokens.or(Some(8192 * tasks.clamp(1, 8)));
        return Ok(Arc::new(LlamaModel::pocket_with(&options)?));
    }
    Ok(Arc::new(LlamaModel::load(&options)?))
}

/// There is no local engine in this build.
#[cfg(not(feature = "llama"))]
fn load_local(args: &ModelArgs, _tasks: usize) -> Result<Arc<dyn LanguageModel>, Failure> {
    Err(Failure::usage(format!("failed to load {}: this build has no local engine", args.name()))
        .hint("name a server: --model http://host:port/v1#name, or build egcfg with its default features"))
}
