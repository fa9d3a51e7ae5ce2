//! Conversions that were made once: a folder of GGUF files, each named by what its checkpoint holds.

use std::fs::File;
use std::path::{Path, PathBuf};

use egcfg_gguf::ElementType;
use egcfg_gguf::content::{self, hex};
use sha2::{Digest as _, Sha256};

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
        std::fs::create_dir_all(&self.folder).in_file(&self.folder)?;
        let key = self.key(checkpoint, options, watch)?;
        let path = self.folder.join(format!("{key}.gguf"));
        if path.exists() {
            return Ok(path);
        }
        let lock_path = self.folder.join(format!("{key}.lock"));
        let lock = File::create(&lock_path).in_file(&lock_path)?;
        lock.lock().in_file(&lock_path)?;
        if !path.exists() {
            convert(checkpoint, &path, options, watch)?;
        }
        drop(lock);
        Ok(path)
    }

    /// Hash over the version, the options, and name and hash of every file of the checkpoint.
    fn key(&self, checkpoint: &Path, options: &Options, watch: Watch<'_>) -> Result<String, CheckpointError> {
        let mut hash = Sha256::new();
        let kind = match options.matrices {
            ElementType::F32 => "f32",
            ElementType::F16 => "f16",
            ElementType::Bf16 => "bf16",
            ElementType::Q8_0 => "q8_0",
        };
        hash.update(format!("egcfg {VERSION} {kind} {}\n", options.name.as_deref().unwrap_or_default()));
        for path in sources(checkpoint)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            hash.update(format!("{name} {}\n", self.hash_of(&path, watch)?));
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
