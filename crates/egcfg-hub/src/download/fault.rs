//! How an attempt can end short of success.

use egcfg_http::Passing;

use super::error::DownloadError;

/// How one attempt ended short of success.
pub(super) enum Fault {
    /// Another attempt may help.
    Passing(Passing),
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
        let reason = cause.to_string();
        Self::Passing(if unreachable { Passing::nobody(reason) } else { Passing::new(reason) })
    }
}
