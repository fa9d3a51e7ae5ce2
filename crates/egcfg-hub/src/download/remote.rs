//! From the hub into its cache: the list of a repository's files, then the files that a name stands for. A file grows as
//! `blobs/<etag>.incomplete`, is gone on with where it ended, compared with its SHA-256 where the hub tells one (it does for
//! large files), and only then gets its name; the reference of the revision is written last.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use egcfg_http::Passing;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Client, redirect};
use serde::Deserialize;

use super::error::{DownloadError, io};
use super::fault::Fault;
use crate::Watch;
use crate::cache::Cache;
use crate::choose::{choose, shards_of};
use crate::name::{HubName, Pick};

/// The public hub; `HF_ENDPOINT` names another. The only place where a host stands.
pub const ENDPOINT: &str = "https://huggingface.co";

/// A hub and the right to read from it.
#[derive(Clone)]
pub struct Remote {
    endpoint: String,
    token: Option<HeaderValue>,
    /// The first pause between attempts; each further one is twice as long.
    pub(super) pause: Duration,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Remote({})", self.endpoint)
    }
}

#[derive(Deserialize)]
struct Listing {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
}

impl Remote {
    /// A hub at an address, read with a token where there is one. The token is never shown.
    pub fn new(endpoint: &str, token: Option<&str>) -> Self {
        let token = token.and_then(|token| {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.trim())).ok()?;
            value.set_sensitive(true);
            Some(value)
        });
        Self { endpoint: endpoint.trim_end_matches('/').to_owned(), token, pause: Duration::from_millis(500) }
    }

    /// Sets the first pause between attempts.
    #[must_use]
    pub fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// Its address.
    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Brings what a name stands for into the cache. Blocks; must not be called from a task.
    pub fn fetch(&self, cache: &Cache, name: &HubName, watch: Watch<'_>) -> Result<(), DownloadError> {
        let failed = |reason: String| DownloadError::Network { what: name.repository(), reason };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let mut headers = HeaderMap::new();
        if let Some(token) = &self.token {
            headers.insert(AUTHORIZATION, token.clone());
        }
        let client = |policy| {
            Client::builder()
                .default_headers(headers.clone())
                .redirect(policy)
                .connect_timeout(Duration::from_secs(5))
                .read_timeout(Duration::from_secs(60))
                .build()
                .map_err(|error| failed(error.to_string()))
        };
        // Where the bytes are, and what they must be, are told by the reply before the redirect.
        let work = Work {
            remote: self,
            name,
            heads: client(redirect::Policy::none())?,
            bodies: client(redirect::Policy::limited(10))?,
            folder: cache.repository(name),
        };
        runtime.block_on(work.run(watch))
    }
}

/// What one download consists of.
pub(super) struct Work<'a> {
    pub(super) remote: &'a Remote,
    pub(super) name: &'a HubName,
    pub(super) heads: Client,
    pub(super) bodies: Client,
    pub(super) folder: PathBuf,
}

impl Work<'_> {
    async fn run(&self, watch: Watch<'_>) -> Result<(), DownloadError> {
        let repository = self.name.repository();
        let url = format!("{}/api/models/{repository}/revision/{}", self.remote.endpoint, self.name.revision);
        let listing = self.list(&url).await?;
        if !listing.sha.chars().all(|c| c.is_ascii_hexdigit()) || listing.sha.is_empty() {
            return Err(DownloadError::Network { what: repository, reason: "the commit is no hash".into() });
        }
        let files: Vec<String> = listing.siblings.into_iter().map(|one| one.rfilename).collect();
        for file in self.wanted(&files)? {
            self.file(&listing.sha, &file, watch).await?;
        }
        let refs = self.folder.join("refs");
        fs::create_dir_all(&refs).map_err(io(&refs))?;
        replace(&refs.join(&self.name.revision), listing.sha.as_bytes())
    }

    /// The files that must be there for the name to be found in the cache.
    fn wanted(&self, files: &[String]) -> Result<Vec<String>, DownloadError> {
        let missing = |wanted: &str, there: String| DownloadError::NoSuchFile {
            repository: self.name.repository(),
            wanted: wanted.to_owned(),
            there,
        };
        let pick = match &self.name.pick {
            Pick::Default => "GGUF file and no whole checkpoint",
            Pick::Quantisation(tag) => tag,
            Pick::File(path) => path,
        };
        match choose(files, &self.name.pick) {
            Ok(Some(file)) => Ok(shards_of(files, file)),
            Err(there) => Err(missing(pick, there)),
            Ok(None) => {
                let plain = |file: &&String| {
                    let stem = Path::new(file.as_str());
                    let weights = stem.extension().is_some_and(|end| end == "safetensors");
                    !file.contains('/')
                        && !file.starts_with('.')
                        && (weights || PLAIN.contains(&file.as_str()))
                };
                let all: Vec<String> = files.iter().filter(plain).cloned().collect();
                if crate::cache::is_whole(&all) {
                    Ok(all)
                } else {
                    Err(missing(pick, "no GGUF file".to_owned()))
                }
            }
        }
    }

    async fn list(&self, url: &str) -> Result<Listing, DownloadError> {
        let mut attempts = self.attempts();
        loop {
            let outcome = async {
                let reply = self.checked(self.bodies.get(url).send().await?)?;
                let text = reply.bytes().await?;
                serde_json::from_slice::<Listing>(&text)
                    .map_err(|error| Fault::Passing(Passing::new(error.to_string())))
            };
            match outcome.await {
                Ok(listing) => return Ok(listing),
                Err(fault) => self.wait(fault, &mut attempts, "the list of files").await?,
            }
        }
    }

    async fn file(&self, commit: &str, file: &str, watch: Watch<'_>) -> Result<(), DownloadError> {
        let url = format!("{}/{}/resolve/{commit}/{file}", self.remote.endpoint, self.name.repository());
        let mut attempts = self.attempts();
        let (etag, size) = loop {
            match self.head(&url).await {
                Ok(head) => break head,
                Err(fault) => self.wait(fault, &mut attempts, file).await?,
            }
        };
        let blobs = self.folder.join("blobs");
        fs::create_dir_all(&blobs).map_err(io(&blobs))?;
        let blob = blobs.join(&etag);
        let lock_path = blobs.join(format!("{etag}.lock"));
        let lock = File::create(&lock_path).map_err(io(&lock_path))?;
        lock.lock().map_err(io(&lock_path))?;
        if !blob.exists() {
            self.blob(&url, file, &blob, size, watch).await?;
        }
        self.link(commit, file, &etag)
    }

    /// The name in the snapshot, as a link to the blob.
    fn link(&self, commit: &str, file: &str, etag: &str) -> Result<(), DownloadError> {
        let path = self.folder.join("snapshots").join(commit).join(file);
        let parent = path.parent().unwrap_or(&self.folder).to_owned();
        fs::create_dir_all(&parent).map_err(io(&parent))?;
        if path.exists() {
            return Ok(());
        }
        let up = "../".repeat(2 + file.matches('/').count());
        let _ = fs::remove_file(&path);
        #[cfg(unix)]
        let made = std::os::unix::fs::symlink(format!("{up}blobs/{etag}"), &path);
        #[cfg(not(unix))]
        let made = fs::copy(self.folder.join("blobs").join(etag), &path).map(|_| drop(up));
        match made {
            // Another process was faster.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            made => made.map_err(io(&path)),
        }
    }
}

/// What a checkpoint's conversion reads beside the weights.
const PLAIN: [&str; 6] = [
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "generation_config.json",
    "chat_template.jinja",
    "model.safetensors.index.json",
];

fn replace(path: &Path, bytes: &[u8]) -> Result<(), DownloadError> {
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(io(path))
}
