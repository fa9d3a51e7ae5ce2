//! The model behind a name: the embedded one, a file, a server, or a script.

#[cfg(feature = "llama")]
use std::path::Path;
use std::sync::Arc;

#[cfg(feature = "llama")]
use egcfg_gguf::Head;
#[cfg(feature = "llama")]
use egcfg_hub::adapter::Base;
#[cfg(feature = "llama")]
use egcfg_model::{Adapter, LlamaModel, LlamaOptions, POCKET_GGUF};
use egcfg_model::{EndpointModel, EndpointOptions, LanguageModel, Secret};

use super::scripted;
use super::watched::or_left_behind;
#[cfg(feature = "llama")]
use super::{adapters, hub};
use crate::args::model::ModelArgs;
use crate::exit::Failure;
use crate::output::text::note;
#[cfg(feature = "llama")]
use crate::settings::defaults;

/// A model, and its name where it is one that an adapter makes.
pub(crate) type Adapted = (Option<String>, Arc<dyn LanguageModel>);

/// Loads the model, or connects to the server that has it. `tasks` is how many tasks run at the same time: each wants room
/// in the cache.
pub(crate) fn load_model(args: &ModelArgs, tasks: usize) -> Result<Arc<dyn LanguageModel>, Failure> {
    if let Some(name) = args.lora.iter().find_map(|lora| lora.name.as_deref()) {
        return Err(Failure::usage(format!("--lora {name}=...: names are for `serve`, which lists models"))
            .hint("leave the name out: --lora PATH"));
    }
    let mut models = load_models(args, tasks)?;
    Ok(models.swap_remove(0).1)
}

/// The model, and after it one for each name that `--lora` gives; the first has no name. Says what is odd about the files.
pub(crate) fn load_models(args: &ModelArgs, tasks: usize) -> Result<Vec<Adapted>, Failure> {
    let models = load_each(args, tasks)?;
    if let Some((_, model)) = models.first() {
        for (_, warning) in model.info().details.iter().filter(|(key, _)| key == "warning") {
            note(&format!("warning: {}: {warning}", args.name()));
        }
    }
    Ok(models)
}

fn load_each(args: &ModelArgs, tasks: usize) -> Result<Vec<Adapted>, Failure> {
    let other = if let Some(file) = args.name().strip_prefix(scripted::PREFIX) {
        scripted::load(file)?
    } else if let Some(model) = connect(args)? {
        Arc::new(model) as Arc<dyn LanguageModel>
    } else {
        return load_local(args, tasks);
    };
    if !args.lora.is_empty() {
        return Err(Failure::usage(format!(
            "--lora: adapters are applied to local models; {} is none",
            args.name()
        ))
        .hint("name the adapter's model at the server: --model http://host:port/v1#name"));
    }
    Ok(vec![(None, other)])
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
    Ok(Some(or_left_behind(move || EndpointModel::connect(options))??))
}

#[cfg(feature = "llama")]
fn load_local(args: &ModelArgs, tasks: usize) -> Result<Vec<Adapted>, Failure> {
    let pocket = args.name() == defaults::MODEL;
    let mut options = LlamaOptions::new(hub::resolve(args.name(), args.offline)?);
    options.context = args.context;
    options.threads = args.threads;
    options.gpu_layers = args.gpu_layers;
    options.cache_tokens = args.cache;
    options.max_sequences = Some(64.max(24 * tasks).min(256));
    if args.exact {
        options = options.exact();
    }
    let base = || base_of(args.name(), &options.path);
    let mut sets = adapters::resolve(&args.lora, base)?;
    // Those without a name belong to every model.
    options.adapters = std::mem::take(&mut sets[0].1);
    let each: Vec<&[Adapter]> = sets.iter().map(|(_, set)| set.as_slice()).collect();
    let models = if pocket {
        // A small model's cache is small: room for every task's two prompts and all their candidates.
        options.cache_tokens = options.cache_tokens.or(Some(8192 * tasks.clamp(1, 8)));
        LlamaModel::from_bytes_sets(defaults::MODEL, POCKET_GGUF, &options, &each)?
    } else {
        LlamaModel::load_sets(&options, &each)?
    };
    let names = sets.into_iter().map(|(name, _)| name);
    Ok(names.zip(models).map(|(name, model)| (name, Arc::new(model) as Arc<dyn LanguageModel>)).collect())
}

/// What an adapter's form depends on.
#[cfg(feature = "llama")]
fn base_of(name: &str, path: &Path) -> Result<Base, Failure> {
    let head = if name == defaults::MODEL {
        Head::read(POCKET_GGUF, POCKET_GGUF.len() as u64)
    } else {
        Head::open(path)
    };
    let fail = |reason: String| Failure::model(format!("failed to load model {name}: {reason}"));
    let head = head.map_err(|error| fail(error.to_string()))?;
    Base::of_head(&head).ok_or_else(|| fail("the file does not tell its attention heads".to_owned()))
}

/// There is no local engine in this build.
#[cfg(not(feature = "llama"))]
fn load_local(args: &ModelArgs, _tasks: usize) -> Result<Vec<Adapted>, Failure> {
    Err(Failure::usage(format!("failed to load {}: this build has no local engine", args.name()))
        .hint("name a server: --model http://host:port/v1#name, or build egcfg with its default features"))
}
