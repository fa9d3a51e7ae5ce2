//! The file behind a model's name: a path, a checkpoint folder that is converted once, or a repository of the hub, from its cache
//! or downloaded into it.

use std::path::{Path, PathBuf};

use egcfg_hub::checkpoint::{Options, is_checkpoint};
use egcfg_hub::{Cache, Converted, DownloadError, ENDPOINT, Found, HubName, Remote};

use super::adapter_files::refuse_as_model;
use super::watched::{beside_the_work, checkpoint_failure};
use crate::exit::Failure;
use crate::output::text::note;
use crate::settings::defaults;

/// The GGUF file that stands for a model's name: a checkpoint folder's conversion, made now or before; any other name as
/// it is.
pub(crate) fn resolve(model: &str, offline: bool) -> Result<PathBuf, Failure> {
    if model == defaults::MODEL {
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
    beside_the_work(move |watch| cache.get(&from, &Options { name, ..Options::default() }, watch))?
        .map_err(|error| checkpoint_failure(&folder, &error))
}

/// What a name stands for: a path where there is one, else a repository of the hub, from its cache or
/// downloaded into it unless that is forbidden.
fn named(model: &str, offline: bool) -> Result<Found, Failure> {
    let path = PathBuf::from(model);
    if path.is_dir() && is_checkpoint(&path) {
        return Ok(Found::Checkpoint(path));
    }
    refuse_as_model(&path)?;
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
    beside_the_work(move |watch| remote.fetch(&into, &wanted, watch))?
        .map_err(|error| download_failure(model, &error))?;
    cache.find(&name).map_err(|error| Failure::model(format!("failed to load {model}: {error}")))
}

fn download_failure(model: &str, error: &DownloadError) -> Failure {
    let failure = Failure::model(format!("failed to download {model}: {error}"));
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
fn offline_by_environment() -> bool {
    std::env::var("HF_HUB_OFFLINE")
        .is_ok_and(|value| ["1", "true", "yes", "on"].iter().any(|yes| value.eq_ignore_ascii_case(yes)))
}

/// The hub's token: `HF_TOKEN`, else the file that the hub's own tools keep it in.
fn token() -> Option<String> {
    let given = std::env::var("HF_TOKEN").ok();
    let file = || {
        let path = variable("HF_TOKEN_PATH")
            .or_else(|| Some(variable("HF_HOME")?.join("token")))
            .or_else(|| Some(variable("HOME")?.join(".cache/huggingface/token")))?;
        egcfg_files::read_small(&path).ok()
    };
    given.or_else(file).map(|token| token.trim().to_owned()).filter(|token| !token.is_empty())
}

/// An environment variable's value, unless it is empty.
fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Where egcfg keeps what it can make again.
pub(super) fn cache_folder() -> Result<PathBuf, Failure> {
    variable("EGCFG_CACHE")
        .or_else(|| Some(variable("XDG_CACHE_HOME")?.join("egcfg")))
        .or_else(|| Some(variable("HOME")?.join(".cache/egcfg")))
        .ok_or_else(|| Failure::input("failed to find a cache folder").hint("set EGCFG_CACHE or HOME"))
}
