//! `egcfg btp`: models that learn from what was run.

mod evaluate;
mod experiments;
mod export;
mod round;
mod run;
mod train;
mod trainer;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use egcfg_bench::dataset::{Item, LoadOptions, registry};
use egcfg_model::LanguageModel;
use egcfg_tune::TuneError;
use egcfg_tune::replay::{Buffer, read_cache};
use egcfg_tune::splits::Member;

use crate::args::btp::{BtpArgs, BtpCommand, BtpMergeArgs};
use crate::args::data::DatasetArgs;
use crate::args::lora::LoraArg;
use crate::args::model::ModelArgs;
use crate::exit::{Failure, SOLVED};
use crate::output::text::note;
use crate::parts::{load_model, model_file};
use crate::settings::defaults;

pub(crate) async fn run(args: BtpArgs) -> Result<ExitCode, Failure> {
    match args.command {
        BtpCommand::Sample(args) => round::run(*args).await,
        BtpCommand::Train(args) => train::run(*args).await,
        BtpCommand::Run(args) => run::run(*args).await,
        BtpCommand::Experiments(args) => experiments::run(*args).await,
        BtpCommand::Export(args) => export::run(&args),
        BtpCommand::Merge(args) => merge(&args),
        BtpCommand::Setup(args) => trainer::setup(&args),
    }
}

fn merge(args: &BtpMergeArgs) -> Result<ExitCode, Failure> {
    let parent = args.out.parent().filter(|parent| !parent.as_os_str().is_empty());
    let base = base_file(&args.model, parent.unwrap_or(Path::new(".")), true)?;
    egcfg_tune::sample::merge_adapter(&base, &args.adapter, &args.out)?;
    note(&format!("wrote {}", args.out.display()));
    Ok(ExitCode::from(SOLVED))
}

/// Training starts from the base: an adapter over it would be sampled from and not trained.
fn no_adapter(args: &ModelArgs) -> Result<(), Failure> {
    if args.lora.is_empty() {
        return Ok(());
    }
    Err(Failure::usage("--lora: what is trained is the base alone").hint(
        "btp merge makes a model of a base and an adapter, and --model takes it; a run goes on from its own adapters",
    ))
}

/// The base with an adapter over it, loaded as the base was: nothing is merged, and a quantised base stays so.
fn with_adapter(base: &ModelArgs, adapter: &Path, jobs: usize) -> Result<Arc<dyn LanguageModel>, Failure> {
    load_model(&ModelArgs { lora: vec![LoraArg::of(adapter)], ..base.clone() }, jobs)
}

/// The GGUF file of a model's name. The embedded model is written into `folder`, since the trainer reads files.
fn base_file(name: &str, folder: &Path, offline: bool) -> Result<PathBuf, Failure> {
    if name != defaults::MODEL {
        return model_file(name, offline);
    }
    let path = folder.join("pocket.gguf");
    if std::fs::read(&path).ok().as_deref() != Some(egcfg_model::POCKET_GGUF) {
        std::fs::create_dir_all(folder)
            .and_then(|()| {
                let beside = folder.join("pocket.gguf.part");
                std::fs::write(&beside, egcfg_model::POCKET_GGUF)?;
                std::fs::rename(&beside, &path)
            })
            .map_err(|error| Failure::input(format!("failed to write {}: {error}", path.display())))?;
    }
    Ok(path)
}

/// The tasks to learn from: the training split where the set has one, all tasks of another file.
fn training(data: &DatasetArgs) -> LoadOptions {
    let has_splits =
        registry::all().iter().any(|set| set.name == data.dataset && set.name.starts_with("mbpp"));
    data.options(has_splits.then_some("train"))
}

/// Items as splits are held apart by.
fn members(items: &[Item]) -> Vec<Member> {
    items.iter().map(|item| Member { task: item.task.clone(), reference: item.reference.clone() }).collect()
}

/// An error where nothing is left to train on.
fn left(tasks: usize) -> Result<(), Failure> {
    if tasks > 0 {
        return Ok(());
    }
    Err(Failure::input("no training task is left")
        .hint("all of them are among the held-out tasks: choose other tasks or another split"))
}

/// Experiences of several files in one buffer, in the order of the files.
fn read_experiences(files: &[PathBuf], capacity: usize) -> Result<Buffer, Failure> {
    let mut buffer = Buffer::new(capacity);
    for file in files {
        let read = match Buffer::read(file, capacity) {
            Ok(read) => read,
            // A cache of the fork is one object over many lines, or without a problem_id in its first.
            Err(error) => read_cache(file, capacity).map_err(|_| error)?,
        };
        for entry in read.entries() {
            buffer.add(entry.clone());
        }
    }
    if buffer.is_empty() {
        return Err(Failure::input("the files hold no experience").hint("egcfg btp sample makes them"));
    }
    Ok(buffer)
}

impl From<TuneError> for Failure {
    fn from(error: TuneError) -> Self {
        let error = match error {
            TuneError::Results(error) => return error.into(),
            other => other,
        };
        let text = error.to_string();
        // A hint in the sentence gets a line of its own.
        let (message, hint) = match text.split_once(" (hint: ") {
            Some((message, hint)) => (message.to_owned(), hint.strip_suffix(')').map(str::to_owned)),
            None => (text, None),
        };
        let failure = match error {
            TuneError::Setting { .. } => Self::usage(message),
            TuneError::Unscored { .. } => Self::sandbox(message),
            TuneError::Base { .. }
            | TuneError::Tensor(_)
            | TuneError::Diverged { .. }
            | TuneError::Worker(_) => Self::model(message),
            TuneError::Stopped => Self::interrupted(),
            TuneError::File { .. } => Self::input(format!("failed to {message}")),
            TuneError::Line { .. }
            | TuneError::Task { .. }
            | TuneError::Overlap { .. }
            | TuneError::Results(_) => Self::input(message),
        };
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
