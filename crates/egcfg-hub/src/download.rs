//! From the hub into its cache: the list of a repository's files, then the files that a name stands for. A file grows as
//! `blobs/<etag>.incomplete`, is gone on with where it ended, compared with its SHA-256 where the hub tells one (it does for
//! large files), and only then gets its name; the reference of the revision is written last.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use reqwest::header::{AUTHORIZATION, CONTENT_RANGE, ETAG, HeaderMap, HeaderValue, RANGE, RETRY_AFTER};
use reqwest::{Client, Method, Response, StatusCode, redirect};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::cache::Cache;
use crate::choose::{choose, shards_of};
use crate::converted::hex;
use crate::name::{HubName, Pick};
use crate::{Progress, Watch};

/// The public hub; `HF_ENDPOINT` names another. The only place where a host stands.
pub const ENDPOINT: &str = "https://huggingface.co";

/// Attempts in a row that bring nothing new.
const ATTEMPTS: u32 = 5;

/// A hub and the right to read from it.
#[derive(Clone)]
pub struct Remote {
    endpoint: String,
    token: Option<HeaderValue>,
    /// The first pause between attempts; each further one is twice as long.
    pause: Duration,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Remote({})", self.endpoint)
    }
}

/// Why a download ended.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The hub does not let this user read the repository.
    #[error("{repository} may not be read ({status})")]
    Denied {
        /// The repository.
        repository: String,
        /// Status of the reply.
        status: u16,
        /// Whether its owner asks readers to accept conditions.
        gated: bool,
    },
    /// No such repository, revision or file.
    #[error("{0} does not exist on the hub")]
    Absent(String),
    /// The repository has nothing that can be loaded, or not what was named.
    #[error("{repository} has no {wanted}; it has {there}")]
    NoSuchFile {
        /// The repository.
        repository: String,
        /// What was looked for.
        wanted: String,
        /// GGUF files that are there.
        there: String,
    },
    /// The bytes are not those that the hub announced, twice.
    #[error("{file} has another checksum than announced")]
    Checksum {
        /// The file.
        file: String,
    },
    /// The hub cannot be reached, or breaks off again and again.
    #[error("{what}: {reason}")]
    Network {
        /// The file or list.
        what: String,
        /// The last error.
        reason: String,
    },
    /// The cache cannot be written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The work was ended from outside.
    #[error("interrupted")]
    Interrupted,
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

/// How one attempt ended short of success.
enum Fault {
    /// Another attempt may help, after this long where the hub says so.
    Passing(String, Option<Duration>),
    /// None will.
    Final(DownloadError),
}

impl From<DownloadError> for Fault {
    fn from(error: DownloadError) -> Self {
        Self::Final(error)
    }
}

impl From<reqwest::Error> for Fault {
    fn from(error: reqwest::Error) -> Self {
        // The address may carry a signature.
        let error = error.without_url();
        // The innermost cause is the one that says something.
        let mut cause: &dyn std::error::Error = &error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        Self::Passing(cause.to_string(), None)
    }
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> DownloadError + '_ {
    move |source| DownloadError::Io { path: path.to_owned(), source }
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
                .connect_timeout(Duration::from_secs(20))
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

struct Work<'a> {
    remote: &'a Remote,
    name: &'a HubName,
    heads: Client,
    bodies: Client,
    folder: PathBuf,
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
        let mut attempt = 0;
        loop {
            let outcome = async {
                let reply = self.checked(self.bodies.get(url).send().await?)?;
                let text = reply.bytes().await?;
                serde_json::from_slice::<Listing>(&text)
                    .map_err(|error| Fault::Passing(error.to_string(), None))
            };
            match outcome.await {
                Ok(listing) => return Ok(listing),
                Err(fault) => self.wait(fault, &mut attempt, "the list of files").await?,
            }
        }
    }

    async fn file(&self, commit: &str, file: &str, watch: Watch<'_>) -> Result<(), DownloadError> {
        let url = format!("{}/{}/resolve/{commit}/{file}", self.remote.endpoint, self.name.repository());
        let mut attempt = 0;
        let (etag, size) = loop {
            match self.head(&url).await {
                Ok(head) => break head,
                Err(fault) => self.wait(fault, &mut attempt, file).await?,
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

    /// Name and length of a file's contents.
    async fn head(&self, url: &str) -> Result<(String, Option<u64>), Fault> {
        let reply = self.heads.request(Method::HEAD, url).send().await?;
        let reply = if reply.status().is_redirection() { reply } else { self.checked(reply)? };
        let text = |name: &str| reply.headers().get(name).and_then(|value| value.to_str().ok());
        let etag = text("x-linked-etag").or_else(|| text(ETAG.as_str())).unwrap_or_default();
        let etag = etag.trim_start_matches("W/").trim_matches('"').to_owned();
        if etag.len() < 8 || !etag.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err(Fault::Passing("the reply has no usable ETag".to_owned(), None));
        }
        let size = text("x-linked-size")
            .or_else(|| if reply.status().is_redirection() { None } else { text("content-length") });
        Ok((etag, size.and_then(|size| size.parse().ok())))
    }

    /// Downloads to the end, over as many attempts as bring something new.
    async fn blob(
        &self,
        url: &str,
        file: &str,
        blob: &Path,
        size: Option<u64>,
        watch: Watch<'_>,
    ) -> Result<(), DownloadError> {
        let part = blob.with_extension("incomplete");
        let (mut attempt, mut wrong) = (0, 0);
        loop {
            let before = fs::metadata(&part).map_or(0, |meta| meta.len());
            let outcome = if size.is_some_and(|size| size == before) {
                Ok(())
            } else {
                self.stream(url, file, &part, before, size, watch).await
            };
            let after = fs::metadata(&part).map_or(0, |meta| meta.len());
            if let Err(fault) = outcome {
                if after > before {
                    attempt = 0;
                }
                self.wait(fault, &mut attempt, file).await?;
                continue;
            }
            let expected = blob.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let right = size.is_none_or(|size| size == after)
                && (expected.len() != 64 || hash(&part).map_err(io(&part))? == expected);
            if right {
                File::open(&part).and_then(|part| part.sync_all()).map_err(io(&part))?;
                return fs::rename(&part, blob).map_err(io(blob));
            }
            // Nothing of it can be trusted.
            fs::remove_file(&part).map_err(io(&part))?;
            wrong += 1;
            if wrong == 2 {
                return Err(DownloadError::Checksum { file: file.to_owned() });
            }
        }
    }

    /// One attempt: what is missing, appended.
    async fn stream(
        &self,
        url: &str,
        file: &str,
        part: &Path,
        from: u64,
        size: Option<u64>,
        watch: Watch<'_>,
    ) -> Result<(), Fault> {
        let mut request = self.bodies.get(url);
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        let reply = request.send().await?;
        if reply.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            fs::remove_file(part).map_err(io(part))?;
            return Err(Fault::Passing("the part at hand is longer than the file".to_owned(), None));
        }
        let mut reply = self.checked(reply)?;
        let start = format!("bytes {from}-");
        let goes_on = reply.status() == StatusCode::PARTIAL_CONTENT
            && reply
                .headers()
                .get(CONTENT_RANGE)
                .is_some_and(|range| range.as_bytes().starts_with(start.as_bytes()));
        // A reply that begins at the beginning replaces what is there.
        let mut out = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(!goes_on)
            .append(goes_on)
            .open(part)
            .map_err(io(part))?;
        let mut done = if goes_on { from } else { 0 };
        while let Some(bytes) = reply.chunk().await? {
            out.write_all(&bytes).map_err(io(part))?;
            done += bytes.len() as u64;
            let progress = Progress { what: file.to_owned(), done, total: size.unwrap_or(0) };
            if watch(progress).is_break() {
                return Err(DownloadError::Interrupted.into());
            }
        }
        match size {
            Some(size) if done < size => Err(Fault::Passing("the connection ended early".to_owned(), None)),
            _ => Ok(()),
        }
    }

    /// A reply that can be used, or what its status means.
    fn checked(&self, reply: Response) -> Result<Response, Fault> {
        let status = reply.status();
        if status.is_success() {
            return Ok(reply);
        }
        let code =
            reply.headers().get("x-error-code").and_then(|code| code.to_str().ok()).unwrap_or_default();
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let (repository, gated) = (self.name.repository(), code == "GatedRepo");
                Err(DownloadError::Denied { repository, status: status.as_u16(), gated }.into())
            }
            StatusCode::NOT_FOUND => {
                let what = format!("{} at revision {}", self.name.repository(), self.name.revision);
                Err(DownloadError::Absent(what).into())
            }
            _ if status.is_server_error() || matches!(status.as_u16(), 408 | 429) => {
                let after =
                    reply.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
                Err(Fault::Passing(status.to_string(), after.map(Duration::from_secs)))
            }
            _ => {
                let what = self.name.repository();
                Err(DownloadError::Network { what, reason: status.to_string() }.into())
            }
        }
    }

    /// Waits before the next attempt, or gives up. Pauses vary, so that many clients do not come back at once.
    async fn wait(&self, fault: Fault, attempt: &mut u32, what: &str) -> Result<(), DownloadError> {
        let (reason, after) = match fault {
            Fault::Final(error) => return Err(error),
            Fault::Passing(reason, after) => (reason, after),
        };
        *attempt += 1;
        if *attempt >= ATTEMPTS {
            return Err(DownloadError::Network { what: what.to_owned(), reason });
        }
        let nanos =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| now.subsec_nanos());
        let jitter = 0.5 + f64::from(nanos % 1000) / 1000.0;
        let pause = (self.remote.pause * 2_u32.pow(*attempt - 1)).mul_f64(jitter);
        tokio::time::sleep(after.map_or(pause, |after| after.min(Duration::from_secs(300)))).await;
        Ok(())
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

fn hash(path: &Path) -> std::io::Result<String> {
    let (mut file, mut hash, mut buffer) = (File::open(path)?, Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&hash.finalize())),
            read => hash.update(&buffer[..read]),
        }
    }
}

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
