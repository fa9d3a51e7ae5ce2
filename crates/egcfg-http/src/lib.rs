//! What the clients of this workspace have in common: model servers, the hub, and the remote judge are asked again by one
//! policy. [`status`](is_transient) says which replies may be better the next time, [`Attempts`] when to come back and when
//! to give up, in words that say what was tried. Sending and reading stay with each client, since their limits, keys and
//! partial results differ.

mod attempts;
mod status;

pub use attempts::{Attempts, GivenUp, Passing, Patience};
pub use status::{is_overload, is_transient, retry_after};

use std::time::Duration;

/// How long a server that has never answered has to take a connection.
pub const FIRST_CONTACT: Duration = Duration::from_secs(2);
/// The same for one that has answered before: it may be starting anew.
pub const CONNECT: Duration = Duration::from_secs(10);

/// An error and its causes on one line; the outermost alone says little more than that there was one.
pub fn chain(error: &dyn std::error::Error) -> String {
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
