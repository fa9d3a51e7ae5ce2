//! What can go wrong with a request to the server. None of it says anything about a program.

use std::time::Duration;

use reqwest::StatusCode;

/// Why there is no usable answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// No connection, or one that broke.
    #[error("{0}")]
    Connection(String),
    /// Nothing came in time.
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The server, or something in front of it, has a problem.
    #[error("HTTP status {0}")]
    Status(StatusCode),
    /// Not what a server of this kind says.
    #[error("not an ExecEval answer: {0}")]
    Answer(String),
    /// The server does not take this request.
    #[error("the server refused the job: {0}")]
    Refused(String),
}

impl Fault {
    /// Whether the same request may have another fate.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Refused(_) => false,
            Self::Status(status) => {
                status.is_server_error()
                    || matches!(*status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
            }
            Self::Connection(_) | Self::Timeout(_) | Self::Answer(_) => true,
        }
    }
}
