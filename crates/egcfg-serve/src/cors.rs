//! Web pages that may read the answers. A browser asks first, and shows an answer only to pages whose origin the server
//! names; without any, none is named, and only pages' requests that change nothing get through at all.

use std::str::FromStr;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, Uri, header};
use thiserror::Error;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

/// Whose pages may read the answers: an origin such as `http://localhost:3000`, or `*` for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(HeaderValue);

/// A text that is no origin.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("'{0}' is no origin (hint: http://localhost:3000, without a path, or * for all pages)")]
pub struct OriginError(String);

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let error = || OriginError(text.to_owned());
        if text != "*" {
            let uri: Uri = text.parse().map_err(|_| error())?;
            let web = matches!(uri.scheme_str(), Some("http" | "https"));
            // A browser sends no slash at the end; the parser cannot tell.
            if !web
                || uri.authority().is_none_or(|a| a.as_str().contains('@'))
                || uri.path_and_query().is_some_and(|p| p != "/")
                || text.ends_with('/')
            {
                return Err(error());
            }
        }
        HeaderValue::from_str(&text.to_ascii_lowercase()).map(Self).map_err(|_| error())
    }
}

/// The layer that tells browsers; nothing where no page may read.
pub(crate) fn layer(origins: &[Origin]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let all = origins.iter().any(|origin| origin.0 == "*");
    let allowed = if all {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(origins.iter().map(|origin| origin.0.clone()))
    };
    let layer = CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST])
        // OpenAI's client in a page sends a dozen headers of its own.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([header::RETRY_AFTER, HeaderName::from_static("x-egcfg-ignored")])
        .max_age(Duration::from_secs(600));
    Some(layer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_origins_are_origins() {
        for text in
            ["*", "http://localhost:3000", "https://example.org", "HTTP://Example.org", "http://[::1]:80"]
        {
            assert!(text.parse::<Origin>().is_ok(), "{text}");
        }
        for text in [
            "",
            "localhost",
            "http://a/",
            "http://a/b",
            "ftp://a",
            "http://a@b",
            "http://a?b",
            "null",
            "http://",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }
}
