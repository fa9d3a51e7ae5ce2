//! Requests to the server, and what can go wrong with one. Nothing that goes wrong between here and the server says
//! anything about a program; what may be better the next time is tried again, after a pause that grows and varies.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, StatusCode};

use super::fault::Fault;
use super::protocol;
use crate::error::SandboxError;

/// Answers longer than this are not read: every output limit stays far below it.
const BODY_LIMIT: usize = 64 << 20;

/// How often and how soon a request is repeated.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retries {
    /// Further attempts after the first.
    pub(super) count: u32,
    /// Longest pause before the first of them; doubles with each.
    pub(super) pause: Duration,
}

impl Retries {
    /// The pause before further attempt `number` (from 0): a random part of a growing span, so that many that failed
    /// together do not come back together.
    fn pause(self, number: u32) -> Duration {
        let longest = (self.pause * 2u32.saturating_pow(number.min(16))).min(Duration::from_secs(20));
        let part = (crate::token::number() >> 11) as f64 / (1u64 << 53) as f64;
        longest.mul_f64(0.5 + 0.5 * part)
    }
}

/// A client that goes straight to its server: no redirects (a judge does not move to a login page), no proxy.
pub(super) fn client() -> Result<Client, SandboxError> {
    Client::builder()
        .connect_timeout(Duration::from_secs(10))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(|error| SandboxError::Option { field: "exec_eval", reason: chain(&error) })
}

/// Sends what `request` builds until an answer can be read by `read`, or the attempts are used up.
pub(super) async fn attempt<T>(
    retries: Retries,
    limit: Duration,
    request: impl Fn() -> RequestBuilder,
    read: impl Fn(&[u8]) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let mut number = 0;
    loop {
        let fault = match once(limit, request()).await.and_then(|body| read(&body)) {
            Ok(answer) => return Ok(answer),
            Err(fault) => fault,
        };
        if number >= retries.count || !fault.is_passing() {
            return Err(fault);
        }
        tokio::time::sleep(retries.pause(number)).await;
        number += 1;
    }
}

/// One request. The limit holds for all of it: an answer that trickles in does not prolong it.
async fn once(limit: Duration, request: RequestBuilder) -> Result<Vec<u8>, Fault> {
    tokio::time::timeout(limit, exchange(request)).await.unwrap_or(Err(Fault::Timeout(limit)))
}

async fn exchange(request: RequestBuilder) -> Result<Vec<u8>, Fault> {
    let broken = |error: reqwest::Error| Fault::Connection(chain(&error));
    let mut response = request.send().await.map_err(broken)?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if body.len() + chunk.len() > BODY_LIMIT {
            return Err(Fault::Answer(format!("more than {BODY_LIMIT} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    match status {
        StatusCode::OK => Ok(body),
        // The server's way to say that the request itself is at fault; without its form it came from something else.
        StatusCode::BAD_REQUEST => {
            Err(protocol::refusal(&body).map_or(Fault::Status(status), Fault::Refused))
        }
        _ => Err(Fault::Status(status)),
    }
}

/// An error with its causes: the outermost alone says little more than that there was one.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}
