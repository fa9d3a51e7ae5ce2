//! Adapters over loaded weights, quantised ones too. They are checked against the model's file, made one where they are
//! several, and given to the engine before its context is made, since that is sized for them. A context has its adapters for
//! life: what is in its cache was computed with them. Sets of adapters over one model share the weights and nothing else.

use std::path::{Path, PathBuf};

use egcfg_gguf::{Adapter as File, Head, content, stack};
use egcfg_task::AdapterIdentity;
use llama_cpp_2::model::{LlamaLoraAdapter, LlamaModel as Weights};

use crate::error::ModelError;
use crate::llama::{load, log};

/// A low-rank adapter of the model that it is given with.
#[derive(Debug, Clone, PartialEq)]
pub struct Adapter {
    /// Its GGUF file.
    pub path: PathBuf,
    /// What its change of the weights is multiplied by; 1 is as it was trained.
    pub scale: f32,
}

impl Adapter {
    /// What stands for it in a model's identity: its file's content.
    pub(crate) fn identity(&self) -> Result<AdapterIdentity, ModelError> {
        let memory = content::memory_folder(|name| std::env::var_os(name));
        let sha256 = content::of_file(&self.path, memory.as_deref(), &mut |_, _| true)
            .map_err(|error| refused(&self.path, format!("its content cannot be hashed: {error}")))?;
        Ok(AdapterIdentity { sha256, scale: self.scale })
    }
}

fn refused(path: &Path, reason: String) -> ModelError {
    ModelError::Adapter { path: path.display().to_string(), reason }
}

/// Loads a set of adapters as one; nothing where the set is empty.
pub(crate) fn load_set(
    weights: &mut Weights,
    heads: &[Head],
    set: &[Adapter],
) -> Result<Option<LlamaLoraAdapter>, ModelError> {
    let Some(first) = set.first() else { return Ok(None) };
    let mut files = Vec::with_capacity(set.len());
    for adapter in set {
        let fail = |error: egcfg_gguf::HeadError| refused(&adapter.path, error.to_string());
        if !adapter.scale.is_finite() {
            return Err(refused(&adapter.path, format!("its scale is {}", adapter.scale)));
        }
        let file = File::open(&adapter.path).map_err(fail)?;
        file.fits(heads).map_err(fail)?;
        files.push((file, adapter));
    }
    let parts: Vec<(&File, &Path, f32)> =
        files.iter().map(|(file, adapter)| (file, adapter.path.as_path(), adapter.scale)).collect();
    let mut bytes = Vec::new();
    stack(&parts, &mut bytes).map_err(|error| refused(&first.path, error.to_string()))?;
    let staged = load::stage(&first.path.display().to_string(), &bytes)?;
    drop(bytes);
    log::clear();
    let loaded = weights.lora_adapter_init(staged.path()).map_err(|error| {
        let said = log::last_lines();
        let said = if said.is_empty() { error.to_string() } else { said.join("; ") };
        refused(&first.path, format!("llama.cpp refused it: {said}"))
    })?;
    Ok(Some(loaded))
}
