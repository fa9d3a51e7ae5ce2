//! The results store: a folder, or a prefix of an S3-compatible bucket, behind the same few operations on small files.
//! Agents on many machines agree with each other through one of them alone, [`Store::create`]: of all that try to create
//! a name, exactly one succeeds.

mod folder;
mod mirror;
mod object;
mod target;

pub use mirror::Mirror;
pub use target::Target;

use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

/// The store could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{action} {place}: {reason}")]
pub struct StoreError {
    /// What was tried, such as `write`.
    pub action: &'static str,
    /// The file or object.
    pub place: String,
    /// What the file system or server said.
    pub reason: String,
}

/// How long an object's bytes must last: [`Store::create`] and [`Store::put`] return only when a crash of the machine
/// no longer loses them, or, for hints, as soon as other processes see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Results: flushed to the disk.
    Synced,
    /// Claims and heartbeats: after a crash of the machine nobody needs them.
    Buffered,
}

/// A folder of a results store. Keys are relative, with `/` between their parts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    backend: Backend,
}

#[derive(Debug, Clone)]
enum Backend {
    Folder(Arc<folder::Folder>),
    Objects(Arc<object::Objects>),
}

impl Store {
    /// Opens the store at a target; a folder is made when something is written into it.
    pub fn open(target: &Target) -> Result<Self, StoreError> {
        let backend = match target {
            Target::Folder(path) => Backend::Folder(Arc::new(folder::Folder::new(path.clone()))),
            Target::Bucket { bucket, prefix } => {
                Backend::Objects(Arc::new(object::Objects::connect(bucket, prefix)?))
            }
        };
        Ok(Self { backend })
    }

    /// The store's part below `key`.
    #[must_use]
    pub fn child(&self, key: &str) -> Self {
        let backend = match &self.backend {
            Backend::Folder(folder) => Backend::Folder(Arc::new(folder.child(key))),
            Backend::Objects(objects) => Backend::Objects(Arc::new(objects.child(key))),
        };
        Self { backend }
    }

    /// Where it is, for messages.
    pub fn place(&self) -> String {
        match &self.backend {
            Backend::Folder(folder) => folder.place(),
            Backend::Objects(objects) => objects.place(),
        }
    }

    /// The file behind a key, where the store is a folder.
    pub fn local_path(&self, key: &str) -> Option<PathBuf> {
        match &self.backend {
            Backend::Folder(folder) => Some(folder.path(key)),
            Backend::Objects(_) => None,
        }
    }

    /// Creates a file whole. `false`: it exists already, with other bytes. Of several that create the same name, one is
    /// told `true`; a caller whose bytes stand there already is told `true` again, so that a lost answer can be asked for
    /// once more. Bytes of different callers must therefore differ where it matters who won.
    pub async fn create(
        &self,
        key: &str,
        bytes: Vec<u8>,
        durability: Durability,
    ) -> Result<bool, StoreError> {
        let copy = bytes.clone();
        let created = match &self.backend {
            Backend::Folder(folder) => folder.create(key, bytes, durability).await?,
            Backend::Objects(objects) => objects.create(key, bytes).await?,
        };
        // A network file system or a retried request may report "exists" for what this call itself created.
        Ok(created || self.get(key).await?.is_some_and(|found| found == copy))
    }

    /// Writes a file whole, in place of what stood there.
    pub async fn put(&self, key: &str, bytes: Vec<u8>, durability: Durability) -> Result<(), StoreError> {
        match &self.backend {
            Backend::Folder(folder) => folder.put(key, bytes, durability).await,
            Backend::Objects(objects) => objects.put(key, bytes).await,
        }
    }

    /// Reads a file; `None` when there is none.
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        match &self.backend {
            Backend::Folder(folder) => folder.get(key).await,
            Backend::Objects(objects) => objects.get(key).await,
        }
    }

    /// Whether a file exists.
    pub async fn exists(&self, key: &str) -> Result<bool, StoreError> {
        match &self.backend {
            Backend::Folder(folder) => folder.exists(key).await,
            Backend::Objects(objects) => objects.exists(key).await,
        }
    }

    /// Removes a file; one that is gone already is no error.
    pub async fn delete(&self, key: &str) -> Result<(), StoreError> {
        match &self.backend {
            Backend::Folder(folder) => folder.delete(key).await,
            Backend::Objects(objects) => objects.delete(key).await,
        }
    }

    /// Moves a file, in place of what stands at the new name. `false`: there is none.
    pub async fn rename(&self, from: &str, to: &str) -> Result<bool, StoreError> {
        match &self.backend {
            Backend::Folder(folder) => folder.rename(from, to).await,
            Backend::Objects(objects) => objects.rename(from, to).await,
        }
    }

    /// Names of the files directly in a folder (`""` is the store itself), sorted; empty when there is no such folder.
    pub async fn files(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let mut names = match &self.backend {
            Backend::Folder(backend) => backend.entries(folder, false).await?,
            Backend::Objects(objects) => objects.entries(folder).await?.0,
        };
        names.sort_unstable();
        Ok(names)
    }

    /// Names of the folders directly in a folder, sorted.
    pub async fn folders(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let mut names = match &self.backend {
            Backend::Folder(backend) => backend.entries(folder, true).await?,
            Backend::Objects(objects) => objects.entries(folder).await?.1,
        };
        names.sort_unstable();
        Ok(names)
    }
}
