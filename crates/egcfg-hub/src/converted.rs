//! Conversions that were made once: a folder of GGUF files, each named by what its checkpoint or adapter holds.

use std::fs::File;
use std::path::{Path, PathBuf};

use egcfg_gguf::ElementType;
use egcfg_gguf::content::{self, hex};
use sha2::{Digest as _, Sha256};

use crate::adapter::{self, Base, to_gguf};
use crate::checkpoint::{Options, convert, sources};
use crate::error::{CheckpointError, InFile as _, Problem};
use crate::{Progress, Watch};

/// Raised whenever the same checkpoint gives another file.
const VERSION: u32 = 1;

/// The folder of conversions.
#[derive(Debug, Clone)]
pub struct Converted {
    folder: PathBuf,
}

impl Converted {
    /// Conversions are kept in this folder, which is made when the first comes.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The GGUF file of a checkpoint: the one that was made before, else a new one. Processes that want the same one at
    /// the same time wait for the first.
    pub fn get(
        &self,
        checkpoint: &Path,
        options: &Options,
        watch: Watch<'_>,
    ) -> Result<PathBuf, CheckpointError> {
        let kind = match options.matrices {
            ElementType::F32 => "f32",
            ElementType::F16 => "f16",
            ElementType::Bf16 => "bf16",
            ElementType::Q8_0 => "q8_0",
        };
        let how = format!("{kind} {}", options.name.as_deref().unwrap_or_default());
        let key = self.key(&sources(checkpoint)?, &how, watch)?;
        self.once(&key, |path| convert(checkpoint, path, options, watch).map(drop))
    }

    /// The GGUF file of an adapter in PEFT's form, for a base: the one that was made before, else a new one.
    pub fn adapter(&self, folder: &Path, base: &Base, watch: Watch<'_>) -> Result<PathBuf, CheckpointError> {
        let how = format!("adapter {} {} {}", base.family, base.heads, base.kv_heads);
        let key = self.key(&adapter::sources(folder)?, &how, watch)?;
        self.once(&key, |path| to_gguf(folder, base, path).map(drop))
    }

    /// The file of a key, which `make` writes where it is not there yet.
    fn once(
        &self,
        key: &str,
        make: impl FnOnce(&Path) -> Result<(), CheckpointError>,
    ) -> Result<PathBuf, CheckpointError> {
        let path = self.folder.join(format!("{key}.gguf"));
        if path.exists() {
            return Ok(path);
        }
        let lock_path = self.folder.join(format!("{key}.lock"));
        let lock = File::create(&lock_path).in_file(&lock_path)?;
        lock.lock().in_file(&lock_path)?;
        if !path.exists() {
            make(&path)?;
        }
        drop(lock);
        Ok(path)
    }

    /// Hash over the version, the way of conversion, and name and hash of every file.
    fn key(&self, files: &[PathBuf], how: &str, watch: Watch<'_>) -> Result<String, CheckpointError> {
        std::fs::create_dir_all(&self.folder).in_file(&self.folder)?;
        let mut hash = Sha256::new();
        hash.update(format!("egcfg {VERSION} {how}\n"));
        for path in files {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            hash.update(format!("{name} {}\n", self.hash_of(path, watch)?));
        }
        Ok(hex(&hash.finalize()))
    }

    fn hash_of(&self, path: &Path, watch: Watch<'_>) -> Result<String, CheckpointError> {
        let what = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let memory = self.folder.join("hashes");
        let mut told = |done, total| watch(Progress { what: what.clone(), done, total }).is_continue();
        content::of_file(path, Some(&memory), &mut told).map_err(|error| match error.kind() {
            std::io::ErrorKind::Interrupted => Problem::Interrupted.in_file(path),
            _ => Problem::Io(error).in_file(path),
        })
    }
}
