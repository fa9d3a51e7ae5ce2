//! `egcfg convert`: a checkpoint folder to a GGUF file, or the embedded model to one; and names of models, for `--model`: a folder is converted once,
//! a repository is taken from the hub's cache or downloaded into it.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use egcfg_hub::checkpoint::{Options, convert};
#[cfg(feature = "llama")]
use egcfg_hub::{
    Cache, Converted, DownloadError, ENDPOINT, Found, HubName, Remote, checkpoint::is_checkpoint,
};
use egcfg_hub::{CheckpointError, Problem, Progress};

use crate::args::convert::ConvertArgs;
use crate::exit::{Failure, SOLVED};
use crate::output::text::{data, note, visible};
use crate::signals::interrupt;

pub(crate) fn run(args: ConvertArgs) -> Result<ExitCode, Failure> {
    #[cfg(feature = "llama")]
    if args.folder.as_os_str() == "pocket" && !args.folder.exists() {
        return super::export::run(&args);
    }
    if !args.folder.is_dir() {
        return Err(Failure::input(format!("failed to convert {}: it is no folder", args.folder.display())));
    }
    let out = match args.out {
        Some(out) => out,
        None => beside(&args.folder, args.kind.name())?,
    };
    let options = Options { matrices: args.kind.into(), ..Options::default() };
    let (folder, target) = (args.folder.clone(), out.clone());
    let summary = interruptible(move |watch| convert(&folder, &target, &options, watch))?
        .map_err(|error| failure(&args.folder, &error))?;
    let text = if args.json {
        let object = serde_json::json!({
            "file": out, "architecture": summary.architecture, "tensors": summary.tensors,
            "parameters": summary.parameters, "bytes": summary.bytes,
        });
        format!("{object}\n")
    } else {
        note(&format!(
            "{}, {} tensors, {:.1} million parameters, {} MiB",
            summary.architecture,
            summary.tensors,
            summary.parameters as f64 / 1e6,
            summary.bytes >> 20
        ));
        format!("{}\n", out.display())
    };
    data(&text)?;
    Ok(ExitCode::from(SOLVED))
}

/// The GGUF file that stands for a model's name: a checkpoint folder's conversion, made now or before; any other name as
/// it is.
#[cfg(feature = "llama")]
pub(crate) fn resolve(model: &str, offline: bool) -> Result<PathBuf, Failure> {
    if model == "pocket" {
        return Ok(model.into());
    }
    let (folder, name) = match named(model, offline || offline_by_environment())? {
        Found::Gguf(file) => return Ok(file),
        Found::Checkpoint(folder) => {
            // A snapshot's folder is called by its commit.
            let name = (folder != Path::new(model)).then(|| model.to_owned());
            (folder, name)
        }
    };
    let cache = Converted::new(cache_folder()?.join("converted"));
    let from = folder.clone();
    interruptible(move |watch| cache.get(&from, &Options { name, ..Options::default() }, watch))?
        .map_err(|error| failure(&folder, &error))
}

/// What a name stands for: a path where there is one, else a repository of the hub, from its cache or
/// downloaded into it unless that is forbidden.
#[cfg(feature = "llama")]
fn named(model: &str, offline: bool) -> Result<Found, Failure> {
    let path = PathBuf::from(model);
    if path.is_dir() && is_checkpoint(&path) {
        return Ok(Found::Checkpoint(path));
    }
    if path.exists() {
        return Ok(Found::Gguf(path));
    }
    // What is no name of a repository is left to the loader, which says what is wrong with it.
    let Some(name) = HubName::parse(model) else { return Ok(Found::Gguf(path)) };
    let cache = Cache::of_environment(variable)
        .ok_or_else(|| Failure::model("failed to find the hub's cache").hint("set HF_HOME or HOME"))?;
    match cache.find(&name) {
        Ok(found) => return Ok(found),
        Err(error) if offline => {
            return Err(Failure::model(format!("failed to load {model}: {error}"))
                .hint("nothing is downloaded with --offline or HF_HUB_OFFLINE; leave them out to fetch it"));
        }
        Err(_) => note(&format!("downloading {model}")),
    }
    let remote = Remote::new(
        &std::env::var("HF_ENDPOINT").ok().filter(|at| !at.is_empty()).unwrap_or_else(|| ENDPOINT.to_owned()),
        token().as_deref(),
    );
    let (into, wanted) = (cache.clone(), name.clone());
    interruptible(move |watch| remote.fetch(&into, &wanted, watch))?
        .map_err(|error| download_failure(model, &error))?;
    cache.find(&name).map_err(|error| Failure::model(format!("failed to load {model}: {error}")))
}

#[cfg(feature = "llama")]
fn download_failure(model: &str, error: &DownloadError) -> Failure {
    let failure = Failure::model(visible(&format!("failed to download {model}: {error}")));
    match error {
        DownloadError::Interrupted => Failure::interrupted(),
        DownloadError::Denied { gated: true, .. } => {
            failure.hint("accept its conditions on its page, then set HF_TOKEN to a token of that account")
        }
        DownloadError::Denied { .. } => failure.hint(
            "it does not exist, or is private: check the name, and set HF_TOKEN to a token that may read it",
        ),
        DownloadError::Absent(_) => failure.hint("check the name; there is no file of this name either"),
        DownloadError::Network { .. } => {
            failure.hint("run the command again: it goes on where this one ended")
        }
        _ => failure,
    }
}

/// Whether the hub's own tools are told to ask nothing over the network.
#[cfg(feature = "llama")]
fn offline_by_environment() -> bool {
    std::env::var("HF_HUB_OFFLINE")
        .is_ok_and(|value| ["1", "true", "yes", "on"].iter().any(|yes| value.eq_ignore_ascii_case(yes)))
}

/// The hub's token: `HF_TOKEN`, else the file that the hub's own tools keep it in.
#[cfg(feature = "llama")]
fn token() -> Option<String> {
    let given = std::env::var("HF_TOKEN").ok();
    let file = || {
        let path = variable("HF_TOKEN_PATH")
            .or_else(|| Some(variable("HF_HOME")?.join("token")))
            .or_else(|| Some(variable("HOME")?.join(".cache/huggingface/token")))?;
        std::fs::read_to_string(path).ok()
    };
    given.or_else(file).map(|token| token.trim().to_owned()).filter(|token| !token.is_empty())
}

/// An environment variable's value, unless it is empty.
#[cfg(feature = "llama")]
fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Runs the work on a thread of its own, telling how far it is, until it is done or Ctrl-C asks it to stop. This waits for
/// the end of it in both cases: the work takes its temporary file with it.
fn interruptible<T: Send + 'static>(
    work: impl FnOnce(egcfg_hub::Watch<'_>) -> T + Send + 'static,
) -> Result<T, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    let mut told = Instant::now();
    let thread = tokio::task::spawn_blocking(move || {
        work(&mut |progress: Progress| {
            if told.elapsed() >= Duration::from_secs(2) {
                told = Instant::now();
                let percent = (100 * progress.done).checked_div(progress.total).unwrap_or(0);
                note(&visible(&format!("{percent:3} %  {}", progress.what)));
            }
            if asked.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    });
    let ended = async move {
        let mut thread = thread;
        tokio::select! {
            joined = &mut thread => joined,
            () = interrupt() => {
                stop.store(true, Ordering::Relaxed);
                thread.await
            }
        }
    };
    let joined = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(ended));
    joined.map_err(|error| Failure::model(format!("failed to go on: {error}")))
}

fn failure(folder: &Path, error: &CheckpointError) -> Failure {
    if matches!(error.problem, Problem::Interrupted) {
        return Failure::interrupted();
    }
    let failure = Failure::input(visible(&format!("failed to convert {}: {error}", folder.display())));
    match &error.problem {
        Problem::Field { field, .. } if field == "architectures" || field.ends_with("pre_tokenizer") => {
            failure.hint("take a GGUF file of this model, or serve it: --model http://host:port/v1#name")
        }
        _ => failure,
    }
}

/// `coder/` and f16 become `coder.f16.gguf` beside it.
fn beside(folder: &Path, kind: &str) -> Result<PathBuf, Failure> {
    let whole = folder
        .canonicalize()
        .map_err(|error| Failure::input(format!("failed to convert {}: {error}", folder.display())))?;
    let name = whole.file_name().ok_or_else(|| Failure::usage("name a file: --out FILE"))?;
    Ok(whole.with_file_name(format!("{}.{kind}.gguf", name.to_string_lossy())))
}

/// Where egcfg keeps what it can make again.
#[cfg(feature = "llama")]
fn cache_folder() -> Result<PathBuf, Failure> {
    variable("EGCFG_CACHE")
        .or_else(|| Some(variable("XDG_CACHE_HOME")?.join("egcfg")))
        .or_else(|| Some(variable("HOME")?.join(".cache/egcfg")))
        .ok_or_else(|| Failure::input("failed to find a cache folder").hint("set EGCFG_CACHE or HOME"))
}
