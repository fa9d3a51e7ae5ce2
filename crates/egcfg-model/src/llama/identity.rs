//! Which model a local one is: the hash of its file, of all its files where it comes in parts, and of its adapters. It is taken when somebody
//! asks for it, once, and remembered in the user's cache folder.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use egcfg_gguf::content;
use egcfg_task::{AdapterIdentity, ModelIdentity, ModelKind};

use crate::error::ModelError;
use crate::llama::adapter::Adapter;

/// A model's identity, found out at most once.
#[derive(Debug)]
pub(crate) struct Lazy {
    source: Source,
    adapters: Vec<Adapter>,
    found: OnceLock<Result<(String, Vec<AdapterIdentity>), ModelError>>,
}

/// Where the weights are.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// In files, in the order of the parts.
    Files(Vec<PathBuf>),
    /// Inside the program; their hash.
    Bytes(String),
}

impl Source {
    /// A file and the parts that belong to it.
    pub(crate) fn file(path: &Path) -> Self {
        Self::Files(parts(path))
    }

    /// A file in memory.
    pub(crate) fn bytes(bytes: &[u8]) -> Self {
        Self::Bytes(content::of_bytes(bytes))
    }
}

impl Lazy {
    /// The identity of weights with these adapters.
    pub(crate) fn of(source: Source, adapters: Vec<Adapter>) -> Self {
        Self { source, adapters, found: OnceLock::new() }
    }

    pub(crate) fn get(&self, name: &str) -> Result<ModelIdentity, ModelError> {
        let found = self.found.get_or_init(|| {
            let adapters: Result<Vec<AdapterIdentity>, ModelError> =
                self.adapters.iter().map(Adapter::identity).collect();
            Ok((self.hash()?, adapters?))
        });
        let (sha256, adapters) = found.clone()?;
        let kind = match self.source {
            Source::Files(_) => ModelKind::File,
            Source::Bytes(_) => ModelKind::Embedded,
        };
        Ok(ModelIdentity { adapters, ..ModelIdentity::weights(kind, name, &sha256) })
    }

    fn hash(&self) -> Result<String, ModelError> {
        let files = match &self.source {
            Source::Files(files) => files,
            Source::Bytes(sha256) => return Ok(sha256.clone()),
        };
        let memory = content::memory_folder(|name| std::env::var_os(name));
        let hashes: Result<Vec<String>, ModelError> = files
            .iter()
            .map(|path| {
                content::of_file(path, memory.as_deref(), &mut |_, _| true).map_err(|error| {
                    ModelError::Load {
                        path: path.display().to_string(),
                        reason: format!("its content cannot be hashed: {error}"),
                    }
                })
            })
            .collect();
        Ok(content::of_parts(&hashes?))
    }
}

/// All parts of a file that is the first of several (`name-00001-of-00003.gguf`), in order; else the file alone.
fn parts(path: &Path) -> Vec<PathBuf> {
    let split = || {
        let stem = path.file_name()?.to_str()?.strip_suffix(".gguf")?;
        let (rest, count) = stem.rsplit_once("-of-")?;
        let (name, number) = rest.rsplit_once('-')?;
        let (number, total): (u32, u32) = (number.parse().ok()?, count.parse().ok()?);
        (number == 1 && total > 1 && count.len() == 5).then(|| {
            (1..=total)
                .map(|number| path.with_file_name(format!("{name}-{number:05}-of-{count}.gguf")))
                .collect::<Vec<_>>()
        })
    };
    split().unwrap_or_else(|| vec![path.to_owned()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_file_is_all_its_parts() {
        let named = |path: &str| -> Vec<String> {
            parts(Path::new(path)).iter().map(|path| path.display().to_string()).collect()
        };
        assert_eq!(
            named("/m/a-b-00001-of-00003.gguf"),
            ["/m/a-b-00001-of-00003.gguf", "/m/a-b-00002-of-00003.gguf", "/m/a-b-00003-of-00003.gguf"]
        );
        for alone in ["/m/a.gguf", "/m/a-00001-of-00001.gguf", "/m/a-00002-of-00003.gguf", "/m/x-1-of-2.gguf"]
        {
            assert_eq!(named(alone), [alone]);
        }
    }
}
