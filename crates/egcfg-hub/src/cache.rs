//! The hub's cache on disk, as its own tools fill it: `models--user--repo/refs/main` holds a commit, `snapshots/<commit>`
//! the files, usually links to `blobs`. It is read here and filled by [`crate::Remote`].

use std::path::{Path, PathBuf};

use crate::choose::choose;
use crate::name::{HubName, Pick};

/// The cache's folder.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A GGUF file.
    Gguf(PathBuf),
    /// A folder of safetensors.
    Checkpoint(PathBuf),
}

/// Why a name stands for nothing here.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CacheError {
    /// The repository, or this revision of it, was never downloaded.
    #[error(
        "{repository} at revision {revision} is not in the hub's cache ({}){}", folder.display(),
        if there.is_empty() { String::new() } else {
            format!("; it holds the snapshot {there}, which no reference names: ask for {repository}@{there}")
        }
    )]
    Absent {
        repository: String,
        /// The revision that was looked for.
        revision: String,
        /// The cache's folder.
        folder: PathBuf,
        /// A snapshot of the repository that is there all the same, by its commit; empty where there is none.
        there: String,
    },
    /// The snapshot lacks what is asked for.
    #[error("{repository} has no {wanted} in the hub's cache; it has {}", if there.is_empty() { "no GGUF file" } else { there })]
    NoSuchFile {
        repository: String,
        /// What was looked for.
        wanted: String,
        /// GGUF files that are there, in the order in which they would be taken.
        there: String,
    },
}

impl Cache {
    /// The cache in a folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder that the hub's own tools use: `HF_HUB_CACHE`, else `HF_HOME/hub`, else `XDG_CACHE_HOME/huggingface/hub`,
    /// else `~/.cache/huggingface/hub`. A `~` at the beginning is the home folder, as it is to the hub's tools. `variable` gives
    /// an environment variable's value.
    pub fn of_environment(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<Self> {
        let home = variable("HOME").filter(|home| !home.as_os_str().is_empty());
        let variable = |name: &str| {
            let value = variable(name).filter(|value| !value.as_os_str().is_empty())?;
            match (value.strip_prefix("~"), &home) {
                (Ok(rest), Some(home)) => Some(home.join(rest)),
                _ => Some(value),
            }
        };
        let folder = variable("HF_HUB_CACHE")
            .or_else(|| Some(variable("HF_HOME")?.join("hub")))
            .or_else(|| Some(variable("XDG_CACHE_HOME")?.join("huggingface/hub")))
            .or_else(|| Some(variable("HOME")?.join(".cache/huggingface/hub")))?;
        Some(Self { folder })
    }

    /// Looks a name up.
    pub fn find(&self, name: &HubName) -> Result<Found, CacheError> {
        let snapshot = self.snapshot(name).ok_or_else(|| CacheError::Absent {
            repository: name.repository(),
            revision: name.revision.clone(),
            folder: self.folder.clone(),
            there: self.unnamed(name),
        })?;
        let mut files = Vec::new();
        list(&snapshot, "", 0, &mut files);
        let wanted = match &name.pick {
            Pick::Default => "GGUF file and no whole checkpoint",
            Pick::Quantisation(tag) => tag,
            Pick::File(path) => path,
        };
        let missing = |there: String| CacheError::NoSuchFile {
            repository: name.repository(),
            wanted: wanted.to_owned(),
            there,
        };
        match choose(&files, &name.pick) {
            Ok(Some(file)) => Ok(Found::Gguf(snapshot.join(file))),
            Ok(None) if is_whole(&files) => Ok(Found::Checkpoint(snapshot)),
            Ok(None) => Err(missing(String::new())),
            Err(there) => Err(missing(there)),
        }
    }

    /// A repository's folder.
    pub(crate) fn repository(&self, name: &HubName) -> PathBuf {
        self.folder.join(format!("models--{}--{}", name.user, name.repo))
    }

    /// The newest snapshot of a repository, where the revision asked for is not there.
    fn unnamed(&self, name: &HubName) -> String {
        let all = std::fs::read_dir(self.repository(name).join("snapshots")).into_iter().flatten().flatten();
        let plain = |commit: &String| !commit.is_empty() && commit.chars().all(|c| c.is_ascii_alphanumeric());
        let newest = all
            .filter(|entry| entry.path().is_dir())
            .filter_map(|entry| {
                let commit = entry.file_name().into_string().ok().filter(plain)?;
                Some((entry.metadata().and_then(|meta| meta.modified()).ok(), commit))
            })
            .max();
        newest.map(|(_, commit)| commit).unwrap_or_default()
    }

    /// The folder of a revision's files.
    fn snapshot(&self, name: &HubName) -> Option<PathBuf> {
        let repository = self.repository(name);
        let commit = std::fs::read_to_string(repository.join("refs").join(&name.revision));
        let commit = commit.map_or_else(|_| name.revision.clone(), |text| text.trim().to_owned());
        let plain = !commit.is_empty() && commit.chars().all(|c| c.is_ascii_alphanumeric());
        Some(repository.join("snapshots").join(commit)).filter(|folder| plain && folder.is_dir())
    }
}

/// Whether the files that a conversion cannot do without are there.
pub(crate) fn is_whole(files: &[String]) -> bool {
    let has = |name: &str| files.iter().any(|file| file == name);
    has("config.json") && has("tokenizer.json") && files.iter().any(|file| file.ends_with(".safetensors"))
}

/// Files with their paths in the snapshot. A link that leads nowhere (a download that was not finished) is no file.
fn list(folder: &Path, prefix: &str, depth: usize, files: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let (path, name) = (entry.path(), format!("{prefix}{name}"));
        if path.is_file() {
            files.push(name);
        } else if path.is_dir() && depth < 2 {
            list(&path, &format!("{name}/"), depth + 1, files);
        }
    }
}
