//! From a file or bytes to loaded weights: checks first, so that what a user can mend is said in words, then llama.cpp,
//! whose own last lines are quoted when it refuses.

use std::fs::File;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use egcfg_gguf::Head;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::model::LlamaModel as Weights;
use llama_cpp_2::model::params::LlamaModelParams;

use crate::error::ModelError;
use crate::llama::log;

/// Memory left to everything else when a model is loaded, in bytes.
const HEADROOM: u64 = 64 << 20;

/// Loads are done one at a time, so that the quoted log lines belong to the load that failed.
static LOADING: Mutex<()> = Mutex::new(());

/// The library's global state, initialised once.
pub(crate) fn backend() -> Result<&'static LlamaBackend, ModelError> {
    static BACKEND: OnceLock<Result<LlamaBackend, String>> = OnceLock::new();
    log::capture();
    BACKEND
        .get_or_init(|| LlamaBackend::init().map_err(|error| error.to_string()))
        .as_ref()
        .map_err(|error| ModelError::Engine(format!("llama.cpp did not start: {error}")))
}

/// Loads the weights of a file, and what stands before them; `name` is what messages call it.
pub(crate) fn weights(path: &Path, name: &str, gpu_layers: u32) -> Result<(Weights, Vec<Head>), ModelError> {
    let fail = |reason: String| ModelError::Load { path: name.to_owned(), reason };
    // What is no model, or cannot be a whole one, is refused here: the library ends the process at some of it.
    let heads = egcfg_gguf::check_model(path).map_err(|error| fail(error.to_string()))?;
    let bytes: u64 = heads.iter().map(|head| head.length).sum();
    if gpu_layers == 0 {
        check_memory(bytes, "the weights").map_err(fail)?;
    }
    let _one_at_a_time = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    let backend = backend()?;
    log::clear();
    let params = LlamaModelParams::default().with_n_gpu_layers(gpu_layers);
    let weights = Weights::load_from_file(backend, path, &params).map_err(|error| {
        let said = log::last_lines();
        let said = if said.is_empty() { error.to_string() } else { said.join("; ") };
        fail(format!(
            "llama.cpp refused the file: {said} (is it complete, and of a family this version knows?)"
        ))
    })?;
    check_family(&weights).map_err(fail)?;
    Ok((weights, heads))
}

/// Refuses what cannot fit into memory, before the machine starts to swap.
pub(crate) fn check_memory(needed: u64, what: &str) -> Result<(), String> {
    match available_memory() {
        Some(available) if needed + HEADROOM > available => Err(format!(
            "{what} need {} MiB of memory but only {} MiB are available; use a smaller or more strongly quantised model, or a \
             smaller cache",
            needed >> 20,
            available >> 20
        )),
        _ => Ok(()),
    }
}

/// Available memory in bytes, where the system tells.
fn available_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib << 10)
}

/// Refuses families whose state cannot be forked and shortened at any token.
fn check_family(weights: &Weights) -> Result<(), String> {
    if weights.is_recurrent() || weights.is_hybrid() {
        return Err("recurrent and hybrid models cannot go back to an earlier token, which guidance needs at every line; use a \
                    model with attention only"
            .to_owned());
    }
    if weights.vocab().n_tokens() <= 0 {
        return Err("the file has no vocabulary".to_owned());
    }
    Ok(())
}

/// Puts a model's bytes where llama.cpp can load them from a path, for as long as the returned value lives: an anonymous
/// file in memory on Linux, a temporary file elsewhere.
pub(crate) fn stage(name: &str, bytes: &[u8]) -> Result<Staged, ModelError> {
    let fail = |error: std::io::Error| ModelError::Load {
        path: name.to_owned(),
        reason: format!("its bytes could not be put into a temporary file: {error}"),
    };
    #[cfg(target_os = "linux")]
    if let Ok(staged) = stage_in_memory(bytes) {
        return Ok(staged);
    }
    let mut file = tempfile::NamedTempFile::new().map_err(fail)?;
    std::io::Write::write_all(&mut file, bytes).map_err(fail)?;
    Ok(Staged::Disk(file))
}

/// A staged model file.
pub(crate) enum Staged {
    #[cfg(target_os = "linux")]
    Memory(File),
    Disk(tempfile::NamedTempFile),
}

impl Staged {
    pub(crate) fn path(&self) -> std::path::PathBuf {
        match self {
            #[cfg(target_os = "linux")]
            Self::Memory(file) => format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(file)).into(),
            Self::Disk(file) => file.path().to_owned(),
        }
    }
}

#[cfg(target_os = "linux")]
fn stage_in_memory(bytes: &[u8]) -> std::io::Result<Staged> {
    use std::io::Write;
    let descriptor = rustix::fs::memfd_create("egcfg-model", rustix::fs::MemfdFlags::CLOEXEC)?;
    let mut file = File::from(descriptor);
    file.write_all(bytes)?;
    let staged = Staged::Memory(file);
    // Without /proc there is no path to it.
    File::open(staged.path())?;
    Ok(staged)
}
