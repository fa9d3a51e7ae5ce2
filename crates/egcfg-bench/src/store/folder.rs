//! A store in a folder, safe on network file systems: a file is written whole under a name of its own and then linked
//! (create) or renamed (replace) to its place. link(2) fails when the name exists, also over NFS, where creation with
//! `O_EXCL` was unsafe for long and a lock is only as good as its server's lock daemon.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use super::{Durability, StoreError};

/// The folder, below the store's root, where files are written before they get their name.
const STAGING: &str = ".staging";

/// A folder.
#[derive(Debug)]
pub(crate) struct Folder {
    root: PathBuf,
    /// Of the outermost store, so that one folder holds all that a kill may leave behind.
    staging: PathBuf,
}

impl Folder {
    pub(crate) fn new(root: PathBuf) -> Self {
        let staging = root.join(STAGING);
        Self { root, staging }
    }

    pub(crate) fn child(&self, key: &str) -> Self {
        Self { root: self.path(key), staging: self.staging.clone() }
    }

    pub(crate) fn place(&self) -> String {
        self.root.display().to_string()
    }

    pub(crate) fn path(&self, key: &str) -> PathBuf {
        if key.is_empty() { self.root.clone() } else { self.root.join(key) }
    }

    pub(crate) async fn create(
        &self,
        key: &str,
        bytes: Vec<u8>,
        durability: Durability,
    ) -> Result<bool, StoreError> {
        let (path, staging) = (self.path(key), self.staging.clone());
        blocking("create", &self.path(key), move || {
            let staged = Staged::write(&staging, &bytes, durability)?;
            let linked = retry_in_new_folder(&path, || fs::hard_link(&staged.path, &path));
            match linked {
                Ok(()) => flush_folder(&path, durability).map(|()| true),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
                Err(error) => Err(error),
            }
        })
        .await
    }

    pub(crate) async fn put(
        &self,
        key: &str,
        bytes: Vec<u8>,
        durability: Durability,
    ) -> Result<(), StoreError> {
        let (path, staging) = (self.path(key), self.staging.clone());
        blocking("write", &self.path(key), move || {
            let staged = Staged::write(&staging, &bytes, durability)?;
            retry_in_new_folder(&path, || fs::rename(&staged.path, &path))?;
            flush_folder(&path, durability)
        })
        .await
    }

    pub(crate) async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.path(key);
        blocking("read", &self.path(key), move || absent_is_none(fs::read(path))).await
    }

    pub(crate) async fn exists(&self, key: &str) -> Result<bool, StoreError> {
        let path = self.path(key);
        blocking("look for", &self.path(key), move || path.try_exists()).await
    }

    pub(crate) async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let path = self.path(key);
        blocking("delete", &self.path(key), move || absent_is_none(fs::remove_file(path)).map(|_| ())).await
    }

    pub(crate) async fn rename(&self, from: &str, to: &str) -> Result<bool, StoreError> {
        let (from, to) = (self.path(from), self.path(to));
        blocking("rename", &from.clone(), move || {
            absent_is_none(fs::rename(from, to)).map(|done| done.is_some())
        })
        .await
    }

    /// Names of the files, or of the folders, in a folder; hidden ones are no part of the store.
    pub(crate) async fn entries(&self, key: &str, folders: bool) -> Result<Vec<String>, StoreError> {
        let path = self.path(key);
        blocking("list", &self.path(key), move || {
            let Some(entries) = absent_is_none(fs::read_dir(path))? else { return Ok(Vec::new()) };
            let mut names = Vec::new();
            for entry in entries {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                if !name.starts_with('.') && entry.file_type()?.is_dir() == folders {
                    names.push(name);
                }
            }
            Ok(names)
        })
        .await
    }
}

/// A file under a name that nobody else uses; removed when dropped, unless it was renamed away.
struct Staged {
    path: PathBuf,
}

impl Staged {
    fn write(folder: &Path, bytes: &[u8], durability: Durability) -> std::io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        fs::create_dir_all(folder)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        // Two machines may have the same process id: the time in nanoseconds and create_new keep them apart.
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let staged = Self { path: folder.join(format!("{}-{now:x}-{number}", std::process::id())) };
        let mut file = File::create_new(&staged.path)?;
        file.write_all(bytes)?;
        if durability == Durability::Synced {
            file.sync_all()?;
        }
        Ok(staged)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Runs an operation; where the folder of its path is missing, makes that and runs it again.
fn retry_in_new_folder(path: &Path, run: impl Fn() -> std::io::Result<()>) -> std::io::Result<()> {
    match run() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            run()
        }
        other => other,
    }
}

/// A new name is on the disk once its folder is.
fn flush_folder(path: &Path, durability: Durability) -> std::io::Result<()> {
    match path.parent() {
        Some(parent) if durability == Durability::Synced => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

fn absent_is_none<T>(result: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// File systems block, network ones for seconds: not on the threads that decode.
async fn blocking<T: Send + 'static>(
    action: &'static str,
    path: &Path,
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    let result = tokio::task::spawn_blocking(work).await;
    let failed = |reason: String| StoreError { action, place: path.display().to_string(), reason };
    match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(error) => Err(failed(error.to_string())),
    }
}
