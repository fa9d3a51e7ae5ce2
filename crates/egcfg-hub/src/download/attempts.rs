//! What a reply's status means for the next attempt, and how patient a download is.

use std::time::{Duration, SystemTime};

use egcfg_http::{Attempts, Passing, Patience, is_transient, retry_after};
use reqwest::header::RETRY_AFTER;
use reqwest::{Response, StatusCode};

use super::error::DownloadError;
use super::fault::Fault;
use super::remote::Work;

/// Repetitions in a row that bring nothing new, and the time that they may take.
const REPETITIONS: u32 = 4;
const DEADLINE: Duration = Duration::from_secs(600);

impl Work<'_> {
    /// The attempts of one request.
    pub(super) fn attempts(&self) -> Attempts {
        let patience = Patience { pause: self.remote.pause, repetitions: REPETITIONS, deadline: DEADLINE };
        Attempts::new(self.remote.endpoint(), patience)
    }

    /// Waits before the next attempt, or gives up.
    pub(super) async fn wait(
        &self,
        fault: Fault,
        attempts: &mut Attempts,
        what: &str,
    ) -> Result<(), DownloadError> {
        let fault = match fault {
            Fault::Final(error) => return Err(error),
            Fault::Passing(fault) => fault,
        };
        let pause = attempts.next(&fault, false).map_err(|given_up| DownloadError::Network {
            what: what.to_owned(),
            reason: given_up.to_string(),
        })?;
        tokio::time::sleep(pause).await;
        Ok(())
    }

    /// A reply that can be used, or what its status means.
    pub(super) fn checked(&self, reply: Response) -> Result<Response, Fault> {
        let status = reply.status();
        if status.is_success() {
            return Ok(reply);
        }
        let text = |name: &str| reply.headers().get(name).and_then(|value| value.to_str().ok());
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let gated = text("x-error-code") == Some("GatedRepo");
                let repository = self.name.repository();
                Err(DownloadError::Denied { repository, status: status.as_u16(), gated }.into())
            }
            StatusCode::NOT_FOUND => {
                let what = format!("{} at revision {}", self.name.repository(), self.name.revision);
                Err(DownloadError::Absent(what).into())
            }
            _ if is_transient(status.as_u16()) => {
                let after =
                    text(RETRY_AFTER.as_str()).and_then(|value| retry_after(value, SystemTime::now()));
                Err(Fault::Passing(Passing { after, ..Passing::new(status.to_string()) }))
            }
            _ => {
                let what = self.name.repository();
                Err(DownloadError::Network { what, reason: status.to_string() }.into())
            }
        }
    }
}
