//! Requests to the server, and what can go wrong with one. Nothing that goes wrong between here and the server says
//! anything about a program; what may be better the next time is tried again, after a pause that grows and varies.

use std::time::{Duration, SystemTime};

use egcfg_http::{Attempts, CONNECT, chain, retry_after};
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, RequestBuilder, StatusCode};

use super::fault::Fault;
use super::protocol;
use crate::error::SandboxError;

/// Answers longer than this are not read: every output limit stays far below it.
const BODY_LIMIT: usize = 64 << 20;

/// A client that goes straight to its server: no redirects (a judge does not move to a login page), no proxy.
pub(super) fn client() -> Result<Client, SandboxError> {
    Client::builder()
        .connect_timeout(CONNECT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(|error| SandboxError::Option { field: "exec_eval", reason: chain(&error) })
}

/// Longest pause that a server may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Sends what `request` builds until an answer can be read by `read`, or the attempts are used up. `known` says that the server
/// has answered before: it is waited for where one that nobody has heard of is given up early.
pub(super) async fn attempt<T>(
    mut attempts: Attempts,
    known: bool,
    limit: Duration,
    request: impl Fn() -> RequestBuilder,
    read: impl Fn(&[u8]) -> Result<T, Fault>,
) -> Result<T, Fault> {
    loop {
        let fault = match once(limit, request()).await.and_then(|body| read(&body)) {
            Ok(answer) => return Ok(answer),
            Err(fault) => fault,
        };
        let Some(passing) = fault.passing() else { return Err(fault) };
        tokio::time::sleep(attempts.next(&passing, known)?).await;
    }
}

/// One request. The limit holds for all of it: an answer that trickles in does not prolong it.
async fn once(limit: Duration, request: RequestBuilder) -> Result<Vec<u8>, Fault> {
    tokio::time::timeout(limit, exchange(request)).await.unwrap_or(Err(Fault::Timeout(limit)))
}

async fn exchange(request: RequestBuilder) -> Result<Vec<u8>, Fault> {
    let broken = |error: reqwest::Error| {
        let reason = chain(&error);
        if error.is_connect() { Fault::Nobody(reason) } else { Fault::Connection(reason) }
    };
    let mut response = request.send().await.map_err(broken)?;
    let status = response.status();
    let after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let after =
        after.and_then(|value| retry_after(value, SystemTime::now())).map(|after| after.min(LONGEST_PAUSE));
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
            Err(protocol::refusal(&body).map_or(Fault::Status(status, after), Fault::Refused))
        }
        _ => Err(Fault::Status(status, after)),
    }
}
