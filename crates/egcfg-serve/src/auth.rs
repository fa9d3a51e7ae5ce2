//! Who may ask. A bearer key is compared without telling by time how much of it was right; it is never printed. Without
//! a key, a server on the loopback address answers to names of this machine only, so that no web page can reach it under
//! a name of its own.

use std::fmt;

use axum::http::{HeaderMap, StatusCode, header};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::error::ApiError;

/// A key that clients have to present. Only its digest is kept.
#[derive(Clone)]
pub struct ApiKey([u8; 32]);

impl ApiKey {
    /// Wraps a key; white space around it is not part of it. `None` for an empty one.
    pub fn new(key: &str) -> Option<Self> {
        let key = key.trim();
        (!key.is_empty()).then(|| Self(Sha256::digest(key.as_bytes()).into()))
    }

    /// Whether a key is this one; takes the same time for every wrong key.
    fn matches(&self, key: &str) -> bool {
        let other: [u8; 32] = Sha256::digest(key.as_bytes()).into();
        self.0.ct_eq(&other).into()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(..)")
    }
}

/// Refuses requests without the key.
pub(crate) fn check_key(key: Option<&ApiKey>, headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(key) = key else { return Ok(()) };
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    if given.is_some_and(|given| key.matches(given)) {
        return Ok(());
    }
    let message = if given.is_some() {
        "the key is not the server's"
    } else {
        "a key is needed: send 'Authorization: Bearer <key>'"
    };
    Err(ApiError::new(StatusCode::UNAUTHORIZED, "authentication_error", message).code("invalid_api_key"))
}

/// Refuses requests that were sent to another name than this machine's.
pub(crate) fn check_host(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(host) = headers.get(header::HOST) else { return Ok(()) };
    let host = host.to_str().unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let loopback = name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    if loopback {
        return Ok(());
    }
    let message = "a server without a key answers to names of this machine only, such as localhost";
    Err(ApiError::new(StatusCode::FORBIDDEN, "permission_error", message).code("wrong_host"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn only_the_key_opens() {
        let key = ApiKey::new(" secret\n").unwrap();
        for (value, fits) in [
            ("Bearer secret", true),
            ("bearer  secret ", true),
            ("Bearer secret2", false),
            ("Bearer ", false),
            ("Basic secret", false),
            ("secret", false),
        ] {
            let result = check_key(Some(&key), &with(header::AUTHORIZATION, value));
            assert_eq!(result.is_ok(), fits, "{value}");
        }
        assert!(check_key(Some(&key), &HeaderMap::new()).is_err());
        assert!(check_key(None, &HeaderMap::new()).is_ok());
        assert!(ApiKey::new(" \n").is_none());
        assert!(!format!("{key:?}").contains("secret"));
    }

    #[test]
    fn foreign_names_are_refused() {
        for (host, fits) in [
            ("localhost:8000", true),
            ("127.0.0.1", true),
            ("127.1.2.3:80", true),
            ("[::1]:8000", true),
            ("example.org:8000", false),
            ("127.0.0.1.example.org", false),
            ("", false),
        ] {
            assert_eq!(check_host(&with(header::HOST, host)).is_ok(), fits, "{host}");
        }
    }
}
