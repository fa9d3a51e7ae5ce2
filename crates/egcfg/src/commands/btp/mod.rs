//! `egcfg btp`: models that learn from what was run.

mod experiments;
mod export;
mod round;
mod run;
mod score;
mod train;
mod trainer;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use egcfg_bench::dataset::{Item, LoadOptions, registry};
use egcfg_model::LanguageModel;
use egcfg_task::Task;
use egcfg_tune::TuneError;
use egcfg_tune::replay::{Buffer, under_task_ids};
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
    let same = |one: &Path, other: &Path| {
        one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
    };
    if same(&base, &args.out) {
        return Err(Failure::usage(format!("--out: {} is the base itself", args.out.display()))
            .hint("name another file: the base stays as it is"));
    }
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

/// A hash of everything that tasks hold, their tests included.
fn content(tasks: &[Task]) -> String {
    egcfg_files::sha256(serde_json::json!(tasks).to_string().as_bytes())
}

/// Items as splits are held apart by.
fn members(items: &[Item]) -> Vec<Member> {
    items.iter().map(|item| Member { task: item.task.clone(), reference: item.reference.clone() }).collect()
}

/// What the tasks of a file are called among results: the file's name without what it ends in.
fn stem(file: &Path) -> String {
    file.file_name().map_or_else(String::new, |name| {
        let name = name.to_string_lossy();
        name.trim_end_matches(".gz").trim_end_matches(".jsonl").replace('.', "-")
    })
}

/// An error where nothing is left to train on.
fn left(tasks: usize) -> Result<(), Failure> {
    if tasks > 0 {
        return Ok(());
    }
    Err(Failure::input("no training task is left")
        .hint("all of them are among the held-out tasks: choose other tasks or another split"))
}

/// How many odd entries are told one by one.
const TOLD: usize = 5;

/// Experiences of several files in one buffer, in the order of the files, under the ids of their tasks. Entries that cannot be
/// read are told and left out.
fn read_experiences(files: &[PathBuf], tasks: &[Task], capacity: usize) -> Result<Buffer, Failure> {
    let (mut buffer, mut all) = (Buffer::new(capacity), Vec::new());
    for file in files {
        let (read, faults) = egcfg_tune::replay::read_experiences(file, capacity)?;
        all.extend(faults);
        for entry in read.entries() {
            buffer.add(entry.clone());
        }
    }
    if buffer.is_empty() {
        let reason = match all.first() {
            Some(fault) => format!("no experience can be read: {fault}"),
            None => "the files hold no experience".to_owned(),
        };
        return Err(Failure::input(reason)
            .hint("egcfg btp sample makes them; a sampling cache of the published fork is read too"));
    }
    for fault in all.iter().take(TOLD) {
        note(&format!("warning: left out: {fault}"));
    }
    if all.len() > TOLD {
        note(&format!("warning: {} more entries are left out", all.len() - TOLD));
    }
    Ok(under_task_ids(&buffer, tasks, capacity))
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
            TuneError::Unscored { .. } | TuneError::Sandbox { .. } => Self::sandbox(message),
            TuneError::Base { .. }
            | TuneError::Model { .. }
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
