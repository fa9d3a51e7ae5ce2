//! Who may ask. A bearer key is compared without telling by time how much of it was right; it is never printed.

use std::fmt;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
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

/// A header that may stand once.
pub(crate) fn only<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'h HeaderValue>, ApiError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(ApiError::bad(format!("the header '{name}' stands more than once"))),
        (value, None) => Ok(value),
    }
}

/// Refuses requests without the key.
pub(crate) fn check_key(key: Option<&ApiKey>, headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(key) = key else { return Ok(()) };
    let given = only(headers, &header::AUTHORIZATION)?.and_then(|value| value.to_str().ok());
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
        let mut twice = with(header::AUTHORIZATION, "Bearer secret");
        twice.append(header::AUTHORIZATION, "Bearer secret".parse().unwrap());
        assert!(check_key(Some(&key), &twice).is_err());
        assert!(check_key(Some(&key), &HeaderMap::new()).is_err());
        assert!(check_key(None, &HeaderMap::new()).is_ok());
        assert!(ApiKey::new(" \n").is_none());
        assert!(!format!("{key:?}").contains("secret"));
    }
}
