//! Where a server is and how to talk to it: `http://host:port/v1#name`, with settings in the query
//! (`?dialect=vllm&top=50`). Keys come from the environment or a private file and are shown nowhere.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use egcfg_http::Patience;
use reqwest::Url;

use crate::endpoint::dialect::Dialect;
use crate::error::ModelError;

/// A key that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a key; surrounding white space is not part of it. `None` for an empty one.
    pub fn new(key: &str) -> Option<Self> {
        let key = key.trim();
        (!key.is_empty()).then(|| Self(key.to_owned()))
    }

    /// Reads a key from a file that nobody but its owner can read.
    pub fn from_file(path: &Path) -> Result<Self, ModelError> {
        let fail = |reason: String| ModelError::Load { path: path.display().to_string(), reason };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(path).map_err(|error| fail(error.to_string()))?.permissions().mode();
            if mode & 0o077 != 0 {
                return Err(fail(format!(
                    "the key file has mode {:03o}, so others can read it; run chmod 600 on it",
                    mode & 0o777
                )));
            }
        }
        let text = egcfg_files::read_small(path).map_err(|error| fail(error.reason()))?;
        Self::new(&text).ok_or_else(|| fail("the key file is empty".to_owned()))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// A server, and how patient to be with it.
#[derive(Debug, Clone)]
pub struct EndpointOptions {
    /// Base of the API without a slash at its end, such as `http://localhost:8000/v1`.
    pub base: String,
    /// The model's name at the server; the only one it serves if not given.
    pub model: Option<String>,
    /// The bearer key.
    pub key: Option<Secret>,
    /// The dialect, where it shall not be found out.
    pub dialect: Option<Dialect>,
    /// Context length in tokens, where the server does not tell or tells too much.
    pub context: Option<usize>,
    /// Length of the lists of most probable tokens; what the server allows, up to a dialect's default, if not given.
    pub top: Option<usize>,
    /// The model's `tokenizer.json`, for servers through which only text passes.
    pub tokenizer: Option<std::path::PathBuf>,
    /// The prompt template that the model wants, where its file would have said so.
    pub template: Option<String>,
    /// Requests in flight at this host at most.
    pub concurrency: usize,
    /// Repetitions of a failed request at most.
    pub retries: u32,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// How long a request may take with all its repetitions.
    pub deadline: Duration,
    /// The pause before the first repetition, up to twice as long by chance; it doubles with each.
    pub pause: Duration,
}

impl EndpointOptions {
    /// How long a request is repeated.
    pub(crate) fn patience(&self) -> Patience {
        Patience { pause: self.pause, repetitions: self.retries, deadline: self.deadline }
    }

    /// Whether a model's name is the address of a server.
    pub fn is_address(name: &str) -> bool {
        name.starts_with("http://") || name.starts_with("https://")
    }

    /// Reads an address: `http://host:port/v1#model`, settings in the query: `dialect` (vllm, sglang, llama.cpp, openai,
    /// egcfg), `top`, `context`, `template`, `concurrency`, `retries`, `timeout` and `deadline` (both in seconds).
    pub fn parse(address: &str) -> Result<Self, ModelError> {
        // The address may hold a password: it is not repeated in messages.
        let fail = |reason: String| ModelError::Load { path: "endpoint address".to_owned(), reason };
        let url = Url::parse(address).map_err(|error| fail(format!("not a URL: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(fail("expected http://host:port/v1".to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(fail("a key does not belong into the address; set OPENAI_API_KEY".to_owned()));
        }
        let mut options = Self::new(base_of(&url));
        options.model = url.fragment().filter(|name| !name.is_empty()).map(decoded);
        for (name, value) in url.query_pairs() {
            let number = || {
                value.parse::<usize>().map_err(|_| fail(format!("{name}={value}: expected a whole number")))
            };
            match &*name {
                "dialect" => {
                    let dialect = Dialect::from_name(&value);
                    options.dialect = Some(dialect.ok_or_else(|| {
                        fail(format!(
                            "dialect={value}: expected one of {}",
                            Dialect::ALL.map(Dialect::name).join(", ")
                        ))
                    })?);
                }
                "top" => options.top = Some(number()?.max(1)),
                "context" => options.context = Some(number()?.max(2)),
                "template" => options.template = Some(value.clone().into_owned()),
                "concurrency" => options.concurrency = number()?.max(1),
                "retries" => options.retries = number()?.min(100) as u32,
                "timeout" => options.timeout = Duration::from_secs(number()?.clamp(1, 86_400) as u64),
                "deadline" => options.deadline = Duration::from_secs(number()?.clamp(1, 86_400) as u64),
                other => {
                    return Err(fail(format!(
                        "unknown setting {other}: there are dialect, top, context, template, concurrency, retries, timeout, deadline"
                    )));
                }
            }
        }
        Ok(options)
    }

    fn new(base: String) -> Self {
        Self {
            base,
            model: None,
            key: None,
            dialect: None,
            context: None,
            top: None,
            tokenizer: None,
            template: None,
            concurrency: 16,
            retries: 8,
            timeout: Duration::from_secs(300),
            deadline: Duration::from_secs(900),
            pause: Duration::from_millis(500),
        }
    }

    /// The server's root: the base without its version.
    pub(crate) fn root(&self) -> &str {
        self.base.strip_suffix("/v1").unwrap_or(&self.base)
    }

    /// Host and port, for messages.
    pub(crate) fn host(&self) -> String {
        let rest = self.base.split_once("://").map_or(self.base.as_str(), |(_, rest)| rest);
        rest.split('/').next().unwrap_or(rest).to_owned()
    }
}

fn base_of(url: &Url) -> String {
    let mut plain = url.clone();
    plain.set_fragment(None);
    plain.set_query(None);
    plain.as_str().trim_end_matches('/').to_owned()
}

/// A fragment with its percent signs resolved; model names hold slashes and colons.
fn decoded(text: &str) -> String {
    let pair = format!("x={}", text.replace('+', "%2B"));
    Url::parse(&format!("http://x/?{pair}"))
        .ok()
        .and_then(|url| url.query_pairs().next().map(|(_, value)| value.into_owned()))
        .unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_server_a_model_and_settings() {
        let o =
            EndpointOptions::parse("http://localhost:8000/v1/?dialect=vllm&top=50#deepseek-ai/coder+1:Q8")
                .unwrap();
        assert_eq!(
            (o.base.as_str(), o.root(), o.host().as_str()),
            ("http://localhost:8000/v1", "http://localhost:8000", "localhost:8000")
        );
        assert_eq!(
            (o.model.as_deref(), o.dialect, o.top),
            (Some("deepseek-ai/coder+1:Q8"), Some(Dialect::Vllm), Some(50))
        );
        assert_eq!(EndpointOptions::parse("https://api.example.com").unwrap().model, None);
    }

    #[test]
    fn what_is_wrong_with_an_address_is_said_without_its_password() {
        let error = EndpointOptions::parse("http://me:hunter2@host/v1").unwrap_err().to_string();
        assert!(error.contains("OPENAI_API_KEY") && !error.contains("hunter2"), "{error}");
        assert!(
            EndpointOptions::parse("http://h/v1?dialect=x").unwrap_err().to_string().contains("llama.cpp")
        );
        assert!(
            EndpointOptions::parse("http://h/v1?tpo=3")
                .unwrap_err()
                .to_string()
                .contains("unknown setting tpo")
        );
    }

    #[test]
    fn a_secret_is_not_printed() {
        let mut options = EndpointOptions::parse("http://h/v1").unwrap();
        options.key = Secret::new(" sk-12345\n");
        assert!(!format!("{options:?}").contains("12345"));
        assert_eq!(options.key.unwrap().expose(), "sk-12345");
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "sk-1\n").unwrap();
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(Secret::from_file(file.path()).unwrap_err().to_string().contains("chmod 600"));
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(Secret::from_file(file.path()).unwrap().expose(), "sk-1");
    }
}
