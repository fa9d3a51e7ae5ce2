//! What can go wrong with a request to the server. None of it says anything about a program.

use std::time::Duration;

use egcfg_http::{GivenUp, Passing, is_transient};
use reqwest::StatusCode;

/// Why there is no usable answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// Nobody took the connection.
    #[error("{0}")]
    Nobody(String),
    /// A connection that broke.
    #[error("{0}")]
    Connection(String),
    /// No further attempt is made.
    #[error(transparent)]
    GivenUp(#[from] GivenUp),
    /// Nothing came in time.
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The server, or something in front of it, has a problem.
    #[error("HTTP status {0}")]
    Status(StatusCode, Option<Duration>),
    /// Not what a server of this kind says.
    #[error("not an ExecEval answer: {0}")]
    Answer(String),
    /// The server does not take this request.
    #[error("the server refused the job: {0}")]
    Refused(String),
}

impl Fault {
    /// What may be better the next time; `None` where the same request has the same fate.
    pub(super) fn passing(&self) -> Option<Passing> {
        match self {
            Self::Refused(_) | Self::GivenUp(_) => None,
            Self::Status(status, _) if !is_transient(status.as_u16()) => None,
            Self::Status(_, after) => Some(Passing { after: *after, ..Passing::new(self.to_string()) }),
            Self::Nobody(reason) => Some(Passing::nobody(reason.clone())),
            Self::Connection(_) | Self::Timeout(_) | Self::Answer(_) => Some(Passing::new(self.to_string())),
        }
    }
}
