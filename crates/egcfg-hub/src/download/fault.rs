//! How an attempt can end short of success.

use std::time::Duration;

use super::error::DownloadError;

/// How one attempt ended short of success.
pub(super) enum Fault {
    /// Another attempt may help, after this long where the hub says so.
    Passing(String, Option<Duration>),
    /// Nobody took the connection: another attempt may help, but many will not.
    Unreachable(String),
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
        let unreachable = error.is_connect();
        let error = error.without_url();
        // The innermost cause is the one that says something.
        let mut cause: &dyn std::error::Error = &error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        if unreachable {
            Self::Unreachable(cause.to_string())
        } else {
            Self::Passing(cause.to_string(), None)
        }
    }
}
