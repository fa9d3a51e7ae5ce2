//! What a reply's status means for the next attempt, and the pauses between attempts.

use std::time::{Duration, SystemTime};

use reqwest::header::RETRY_AFTER;
use reqwest::{Response, StatusCode};

use super::error::DownloadError;
use super::fault::Fault;
use super::remote::Work;

/// Attempts in a row that bring nothing new.
const ATTEMPTS: u32 = 5;
/// The same where nobody takes the connection.
const CONNECTIONS: u32 = 2;

impl Work<'_> {
    /// A reply that can be used, or what its status means.
    pub(super) fn checked(&self, reply: Response) -> Result<Response, Fault> {
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
    pub(super) async fn wait(
        &self,
        fault: Fault,
        attempt: &mut u32,
        what: &str,
    ) -> Result<(), DownloadError> {
        let (reason, after, most) = match fault {
            Fault::Final(error) => return Err(error),
            Fault::Passing(reason, after) => (reason, after, ATTEMPTS),
            Fault::Unreachable(reason) => {
                (format!("no connection to {}: {reason}", self.remote.endpoint()), None, CONNECTIONS)
            }
        };
        *attempt += 1;
        if *attempt >= most {
            return Err(DownloadError::Network { what: what.to_owned(), reason });
        }
        let nanos =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| now.subsec_nanos());
        let jitter = 0.5 + f64::from(nanos % 1000) / 1000.0;
        let pause = (self.remote.pause * 2_u32.pow(*attempt - 1)).mul_f64(jitter);
        tokio::time::sleep(after.map_or(pause, |after| after.min(Duration::from_secs(300)))).await;
        Ok(())
    }
}
