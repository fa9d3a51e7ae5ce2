//! Conversions that were made once: a folder of GGUF files, each named by what its checkpoint holds. Hashing tens of
//! gigabytes at every start would take longer than loading them, so a file's hash is remembered with its length, time of
//! change and place on the disk, and taken anew when one of these differs.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::checkpoint::{Options, convert, sources};
use crate::error::{CheckpointError, InFile as _, Problem};
use crate::gguf::ElementType;
use crate::{Progress, Watch};

/// Raised whenever the same checkpoint gives another file.
const VERSION: u32 = 1;

/// The folder of conversions.
#[derive(Debug, Clone)]
pub struct Converted {
    folder: PathBuf,
}

/// A file's hash, and what it had then.
#[derive(Serialize, Deserialize)]
struct Remembered {
    length: u64,
    /// Time of the last change, in nanoseconds since 1970.
    changed: u64,
    /// The file's number on its disk; 0 where there is none.
    inode: u64,
    sha256: String,
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
        let whole = path.canonicalize().in_file(path)?;
        let memory =
            self.folder.join("hashes").join(hex(&Sha256::digest(whole.as_os_str().as_encoded_bytes())));
        let mut file = File::open(&whole).in_file(path)?;
        let meta = file.metadata().in_file(path)?;
        let changed = meta.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let mut now = Remembered {
            length: meta.len(),
            changed: changed.map_or(0, |time| time.as_nanos() as u64),
            inode: inode(&meta),
            sha256: String::new(),
        };
        let before: Option<Remembered> =
            std::fs::read(&memory).ok().and_then(|text| serde_json::from_slice(&text).ok());
        if let Some(before) = before.filter(|before| {
            (before.length, before.changed, before.inode) == (now.length, now.changed, now.inode)
        }) {
            return Ok(before.sha256);
        }
        now.sha256 = hash_file(&mut file, now.length, path, watch)?;
        // What cannot be remembered is hashed again the next time.
        let _ = remember(&memory, &now);
        Ok(now.sha256)
    }
}

fn remember(path: &Path, what: &Remembered) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let file = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer(&file, what)?;
    file.persist(path)?;
    Ok(())
}

fn hash_file(file: &mut File, total: u64, path: &Path, watch: Watch<'_>) -> Result<String, CheckpointError> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut done = 0;
    loop {
        let read = file.read(&mut buffer).in_file(path)?;
        if read == 0 {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(&buffer[..read]);
        done += read as u64;
        let what = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if watch(Progress { what, done, total }).is_break() {
            return Err(Problem::Interrupted.in_file(path));
        }
    }
}

#[cfg(unix)]
fn inode(meta: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(meta)
}

#[cfg(not(unix))]
fn inode(_meta: &std::fs::Metadata) -> u64 {
    0
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
