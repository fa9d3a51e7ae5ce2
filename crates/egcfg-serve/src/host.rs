//! The name under which a request reached the server. It has to be well-formed, and a server on the loopback address
//! without a key answers to names of this machine only, so that no web page can reach it under a name of its own.

use axum::http::uri::Uri;
use axum::http::{HeaderMap, StatusCode, Version, header};

use crate::auth::only;
use crate::error::ApiError;

/// Checks the name in the header and, where the request's line has one, that too.
pub(crate) fn check_host(
    headers: &HeaderMap,
    uri: &Uri,
    version: Version,
    loopback_only: bool,
) -> Result<(), ApiError> {
    let odd = || ApiError::bad("the header 'host' is no name or address with an optional port");
    let header = match only(headers, &header::HOST)? {
        Some(value) => Some(value.to_str().map_err(|_| odd())?),
        None if version >= Version::HTTP_11 => return Err(ApiError::bad("the header 'host' is missing")),
        None => None,
    };
    for host in header.into_iter().chain(uri.authority().map(axum::http::uri::Authority::as_str)) {
        let name = name(host).ok_or_else(odd)?;
        if loopback_only && !is_loopback(name) {
            let message = "a server without a key answers to names of this machine only, such as localhost";
            return Err(ApiError::new(StatusCode::FORBIDDEN, "permission_error", message).code("wrong_host"));
        }
    }
    Ok(())
}

/// The name in `name`, `name:port`, `[address]` or `[address]:port`; nothing else is one.
fn name(host: &str) -> Option<&str> {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let (address, rest) = rest.split_once(']')?;
            address.parse::<std::net::Ipv6Addr>().ok()?;
            (address, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
        }
        None => match host.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (host, None),
        },
    };
    let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':');
    let well_formed = !name.is_empty() && name.len() <= 255 && name.chars().all(letters);
    let numbered = |port: &str| {
        !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok()
    };
    (well_formed && port.is_none_or(numbered)).then_some(name)
}

fn is_loopback(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(host: &str, loopback_only: bool) -> u16 {
        use axum::response::IntoResponse as _;
        let headers = HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]);
        let checked = check_host(&headers, &Uri::from_static("/"), Version::HTTP_11, loopback_only);
        checked.map_or_else(|error| error.into_response().status().as_u16(), |()| 200)
    }

    #[test]
    fn foreign_names_are_refused() {
        for host in ["localhost:8000", "LOCALHOST", "127.0.0.1", "127.1.2.3:80", "[::1]:8000", "[::1]"] {
            assert_eq!(status(host, true), 200, "{host}");
        }
        for host in
            ["example.org:8000", "127.0.0.1.example.org", "localhost.example.org", "[::2]", "localhost."]
        {
            assert_eq!(status(host, true), 403, "{host}");
            assert_eq!(status(host, false), 200, "{host}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused_everywhere() {
        for host in [
            "",
            ":80",
            "localhost:",
            "localhost:80:80",
            "localhost:port",
            "localhost:99999",
            "[::1",
            "[::1]x",
            "[::1].example.org",
            "[localhost]",
            "user@localhost",
            "localhost/..",
            "local host",
            "localhost,example.org",
            "localhost#",
            "localhost?",
            "::1",
            "127.0.0.1:+80",
        ] {
            assert_eq!(status(host, true), 400, "{host}");
            assert_eq!(status(host, false), 400, "{host}");
        }
    }

    #[test]
    fn the_name_stands_once_and_the_line_may_not_say_another() {
        let mut headers = HeaderMap::new();
        assert!(check_host(&headers, &Uri::from_static("/"), Version::HTTP_10, true).is_ok());
        assert!(check_host(&headers, &Uri::from_static("/"), Version::HTTP_11, true).is_err());
        headers.append(header::HOST, "localhost".parse().unwrap());
        let line = Uri::from_static("http://example.org/health");
        assert!(check_host(&headers, &line, Version::HTTP_11, true).is_err());
        let line = Uri::from_static("http://localhost:80/health");
        assert!(check_host(&headers, &line, Version::HTTP_11, true).is_ok());
        headers.append(header::HOST, "localhost".parse().unwrap());
        assert!(check_host(&headers, &Uri::from_static("/"), Version::HTTP_11, true).is_err());
    }
}
