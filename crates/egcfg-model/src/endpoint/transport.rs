//! One server over HTTP: a request is repeated while its failure may pass (overload, gateway errors, timeouts, dropped
//! connections, replies that end in the middle), within its deadline, under the host's limit, unless the circuit is open. A
//! failure that repetition cannot mend is reported with the beginning of what the server said.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use egcfg_http::{Attempts, CONNECT, FIRST_CONTACT, Passing, chain, is_overload, is_transient, retry_after};
use reqwest::Client;
use serde_json::Value;

use crate::endpoint::address::EndpointOptions;
use crate::endpoint::breaker::Breaker;
use crate::endpoint::limit::Limit;
use crate::endpoint::quote;
use crate::error::ModelError;

/// A reply larger than this is not read to its end.
const LARGEST_REPLY: usize = 1 << 30;

/// A server.
#[derive(Debug)]
pub(crate) struct Transport {
    client: Client,
    /// The same, less patient: for as long as the server has not answered.
    first: Client,
    options: EndpointOptions,
    limit: Arc<Limit>,
    breaker: Breaker,
    requests: AtomicU64,
    retries: AtomicU64,
    /// Whether the server has ever answered.
    answered: AtomicBool,
}

/// How one attempt ended, if not well.
enum Fault {
    /// It may pass. `overload`: there is too much to do; `broken`: it says something about the server's state.
    Passing { what: Passing, overload: bool, broken: bool },
    /// Repeating changes nothing.
    Lasting(ModelError),
}

/// What came back from a probe.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// JSON.
    Json(Value),
    /// The server refused: its status and the beginning of its reply.
    Refused(u16, String),
}

impl Transport {
    pub(crate) fn new(options: EndpointOptions) -> Result<Self, ModelError> {
        let client = |connect: Duration| {
            Client::builder()
                .connect_timeout(connect.min(options.timeout))
                .user_agent(concat!("egcfg/", env!("CARGO_PKG_VERSION")))
                // A redirect could carry the key to another host.
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .map_err(|error| ModelError::Load {
                    path: options.base.clone(),
                    reason: format!("no HTTP client: {}", chain(&error)),
                })
        };
        let (first, client) = (client(FIRST_CONTACT)?, client(CONNECT)?);
        let limit = Limit::of_host(&options.host(), options.concurrency);
        let (requests, retries) = (AtomicU64::new(0), AtomicU64::new(0));
        Ok(Self {
            client,
            first,
            options,
            limit,
            breaker: Breaker::default(),
            requests,
            retries,
            answered: AtomicBool::new(false),
        })
    }

    pub(crate) fn options(&self) -> &EndpointOptions {
        &self.options
    }

    /// Attempts so far, repetitions included; and the repetitions among them.
    pub(crate) fn attempts(&self) -> (u64, u64) {
        (self.requests.load(Ordering::Relaxed), self.retries.load(Ordering::Relaxed))
    }

    /// Requests that this host is trusted with at the moment.
    pub(crate) fn allowed(&self) -> usize {
        self.limit.allowed()
    }

    /// Sends JSON (or nothing: a GET) and returns JSON.
    pub(crate) async fn call(&self, path: &str, body: Option<&Value>) -> Result<Value, ModelError> {
        match self.ask(path, body).await? {
            Outcome::Json(value) => Ok(value),
            Outcome::Refused(status, excerpt) => {
                let reason = match status {
                    401 | 403 => format!("status {status}, the key was not accepted"),
                    404 => format!("status 404 for {path}"),
                    _ => format!("status {status}"),
                };
                Err(self.bad(reason, excerpt))
            }
        }
    }

    /// The same, with a refusal as a value.
    pub(crate) async fn ask(&self, path: &str, body: Option<&Value>) -> Result<Outcome, ModelError> {
        let url = match path.strip_prefix('/') {
            Some(path) => format!("{}/{path}", self.options.root()),
            None => format!("{}/{path}", self.options.base),
        };
        let mut attempts = Attempts::new(&self.options.base, self.options.patience());
        let mut last = String::from("no attempt was made");
        loop {
            self.pass_breaker(&attempts, &last).await?;
            let permit = self.limit.acquire().await;
            self.requests.fetch_add(1, Ordering::Relaxed);
            self.retries.fetch_add(u64::from(attempts.failed() > 0), Ordering::Relaxed);
            let guard = Abandon(&self.breaker);
            let patience = self.options.timeout.min(attempts.left());
            let result = tokio::time::timeout(patience, self.once(&url, body)).await;
            std::mem::forget(guard);
            let nobody = matches!(&result, Ok(Err(Fault::Passing { what, .. })) if what.nobody);
            if !nobody && result.is_ok() {
                self.answered.store(true, Ordering::Relaxed);
            }
            let fault = result.unwrap_or_else(|_| {
                let reason = format!("no reply within {:.1} s", patience.as_secs_f64());
                Err(Fault::Passing { what: Passing::new(reason), overload: true, broken: true })
            });
            let (what, overload, broken) = match fault {
                Ok(outcome) => {
                    permit.succeeded();
                    self.breaker.succeeded();
                    return Ok(outcome);
                }
                Err(Fault::Lasting(error)) => {
                    // The server is there and answers: that is no failure of it.
                    permit.succeeded();
                    self.breaker.succeeded();
                    return Err(error);
                }
                Err(Fault::Passing { what, overload, broken }) => (what, overload, broken),
            };
            if overload {
                permit.overloaded();
            } else {
                drop(permit);
            }
            if broken {
                self.breaker.failed();
            } else {
                self.breaker.abandoned();
            }
            let next = attempts.next(&what, self.answered.load(Ordering::Relaxed));
            let pause = next.map_err(|given_up| self.unavailable(given_up.to_string()))?;
            last = what.reason;
            tokio::time::sleep(pause).await;
        }
    }

    /// Waits while the circuit is open, if this request is under way already; a new one fails at once.
    async fn pass_breaker(&self, attempts: &Attempts, last: &str) -> Result<(), ModelError> {
        while let Err(rest) = self.breaker.admit() {
            if attempts.failed() == 0 || rest >= attempts.left() {
                let failures = self.breaker.failures();
                return Err(self.unavailable(format!(
                    "it failed {failures} times in a row and is left alone for another {:.1} s ({last})",
                    rest.as_secs_f64()
                )));
            }
            tokio::time::sleep(rest).await;
        }
        Ok(())
    }

    /// One attempt.
    async fn once(&self, url: &str, body: Option<&Value>) -> Result<Outcome, Fault> {
        let client = if self.answered.load(Ordering::Relaxed) { &self.client } else { &self.first };
        let mut request = match body {
            Some(body) => client.post(url).header("content-type", "application/json").body(body.to_string()),
            None => client.get(url),
        };
        if let Some(key) = &self.options.key {
            request = request.bearer_auth(key.expose());
        }
        let mut response = request.send().await.map_err(|error| {
            if error.is_connect() {
                let what = Passing::nobody(chain(&error));
                return Fault::Passing { what, overload: false, broken: true };
            }
            Fault::Passing { what: Passing::new(chain(&error)), overload: error.is_timeout(), broken: true }
        })?;
        let status = response.status().as_u16();
        let after = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let after = after.and_then(|value| retry_after(value, SystemTime::now()));
        let mut bytes = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if bytes.len() + chunk.len() <= LARGEST_REPLY => {
                    bytes.extend_from_slice(&chunk);
                }
                Ok(Some(_)) => {
                    let reason = "the reply is larger than 1 GiB".to_owned();
                    return Err(Fault::Lasting(self.bad(reason, self.excerpt(&bytes))));
                }
                Ok(None) => break,
                Err(error) => {
                    let reason =
                        format!("the reply broke off after {} bytes ({})", bytes.len(), chain(&error));
                    return Err(Fault::Passing { what: Passing::new(reason), overload: false, broken: true });
                }
            }
        }
        if is_transient(status) {
            let reason = format!("status {status}: {}", self.excerpt(&bytes));
            // Asking for patience is not being broken.
            let broken = status != 429 && after.is_none();
            let what = Passing { after, ..Passing::new(reason) };
            return Err(Fault::Passing { what, overload: is_overload(status), broken });
        }
        if !(200..300).contains(&status) {
            return Ok(Outcome::Refused(status, self.excerpt(&bytes)));
        }
        serde_json::from_slice(&bytes).map(Outcome::Json).map_err(|error| {
            if error.is_eof() && !bytes.is_empty() {
                let reason = format!("the reply broke off after {} bytes", bytes.len());
                return Fault::Passing { what: Passing::new(reason), overload: false, broken: true };
            }
            let reason = if looks_like_html(&bytes) {
                "a web page instead of JSON; is this the address of the API?".to_owned()
            } else {
                format!("no JSON ({error})")
            };
            Fault::Lasting(self.bad(reason, self.excerpt_at(&bytes, error.column())))
        })
    }

    /// An error that quotes a reply. Both texts may hold what the server said.
    pub(crate) fn bad(&self, reason: impl Into<String>, excerpt: impl AsRef<str>) -> ModelError {
        let excerpt = self.excerpt(excerpt.as_ref().as_bytes());
        ModelError::BadReply { host: self.options.host(), reason: self.clean(&reason.into()), excerpt }
    }

    fn unavailable(&self, reason: impl AsRef<str>) -> ModelError {
        ModelError::Unavailable { host: self.options.host(), reason: self.clean(reason.as_ref()) }
    }

    /// The beginning of a reply, fit to be shown.
    pub(crate) fn excerpt(&self, bytes: &[u8]) -> String {
        quote::excerpt(bytes, self.key())
    }

    fn excerpt_at(&self, bytes: &[u8], column: usize) -> String {
        quote::excerpt_at(bytes, column, self.key())
    }

    /// A text that may hold what the server said, fit to be shown.
    pub(crate) fn clean(&self, text: &str) -> String {
        quote::clean(text, self.key())
    }

    fn key(&self) -> Option<&str> {
        self.options.key.as_ref().map(super::address::Secret::expose)
    }
}

/// A caller that goes away in the middle of an attempt must not leave the circuit waiting for its outcome.
struct Abandon<'a>(&'a Breaker);

impl Drop for Abandon<'_> {
    fn drop(&mut self) {
        self.0.abandoned();
    }
}

fn looks_like_html(bytes: &[u8]) -> bool {
    let start: Vec<u8> = bytes.iter().copied().filter(|b| !b.is_ascii_whitespace()).take(9).collect();
    start.first() == Some(&b'<')
}
