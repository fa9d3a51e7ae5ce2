//! A request's body: its type, its bytes within the limits, its fields.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use futures::StreamExt as _;
use tokio::sync::OwnedSemaphorePermit;

use crate::app::App;
use crate::auth::only;
use crate::error::ApiError;
use crate::fields::Fields;
use crate::net::crowd::Member;

/// Reads the body of a request as JSON. It is read before the request takes a place among those that wait for work, so a
/// client that sends slowly keeps nobody from working.
pub(crate) async fn read(app: &App, request: Request) -> Result<Fields, ApiError> {
    let limits = app.limits();
    check_type(request.headers())?;
    let too_large = || {
        let message = format!("the body is larger than {} bytes", limits.body_bytes);
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request_error", message).code("body_too_large")
    };
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if length.and_then(|length| length.parse::<u64>().ok()).is_some_and(|n| n > limits.body_bytes as u64) {
        return Err(too_large());
    }
    let member = request.extensions().get::<Member>().cloned();
    let collected = collect(request.into_body(), limits.body_bytes, member.as_ref());
    let (body, _room) = match tokio::time::timeout(limits.body_time, collected).await {
        Ok(Ok(Some(collected))) => collected,
        Ok(Ok(None)) => return Err(too_large()),
        Ok(Err(_)) => return Err(ApiError::bad("the body ended early or is not well-formed HTTP")),
        Err(_) => {
            let message = "the body did not arrive in time";
            return Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "invalid_request_error", message)
                .code("body_timeout"));
        }
    };
    if let Some(member) = member {
        member.at_work();
    }
    Fields::parse(&body)
}

/// The whole body with the room that it was given; nothing where it is larger than allowed.
async fn collect(
    body: Body,
    most: usize,
    member: Option<&Member>,
) -> Result<Option<(Vec<u8>, Vec<OwnedSemaphorePermit>)>, axum::Error> {
    let mut stream = body.into_data_stream();
    let (mut all, mut room) = (Vec::new(), Vec::new());
    let mut held = 0;
    while let Some(chunk) = stream.next().await {
        let chunk: Bytes = chunk?;
        if all.len() + chunk.len() > most {
            return Ok(None);
        }
        if let Some(member) = member
            && all.len() + chunk.len() > held
        {
            // By doubling, so that a body in many small chunks asks seldom.
            let more = (all.len() + chunk.len() - held).max(held).max(4096);
            room.extend(member.room(more).await);
            held += more;
        }
        all.extend_from_slice(&chunk);
    }
    Ok(Some((all, room)))
}

/// A web page can send any other type than JSON without asking first.
fn check_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let refuse = |message: &str| {
        Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid_request_error", message)
            .code("unsupported_media_type"))
    };
    let kind = only(headers, &header::CONTENT_TYPE)?.and_then(|value| value.to_str().ok());
    let mut parts = kind.unwrap_or_default().split(';').map(str::trim);
    if !parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json")) {
        return refuse("the body must be sent as application/json");
    }
    let foreign = parts.filter_map(|part| part.split_once('=')).any(|(name, value)| {
        let value = value.trim().trim_matches('"');
        name.trim().eq_ignore_ascii_case("charset")
            && !["utf-8", "utf8", "us-ascii"].iter().any(|known| value.eq_ignore_ascii_case(known))
    });
    if foreign {
        return refuse("the body must be encoded as UTF-8");
    }
    match only(headers, &header::CONTENT_ENCODING)?.map(|value| value.to_str().unwrap_or("?")) {
        None => Ok(()),
        Some(value) if value.eq_ignore_ascii_case("identity") => Ok(()),
        Some(_) => refuse("the body must not be compressed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_json_is_read() {
        for (kind, fits) in [
            ("application/json", true),
            ("Application/JSON; charset=UTF-8", true),
            ("application/json;charset=\"utf-8\"", true),
            ("application/json; charset=utf-16", false),
            ("application/json-seq", false),
            ("text/plain; application/json", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, kind.parse().unwrap())]);
            assert_eq!(check_type(&headers).is_ok(), fits, "{kind}");
        }
        let mut headers = HeaderMap::from_iter([(header::CONTENT_TYPE, "application/json".parse().unwrap())]);
        headers.insert(header::CONTENT_ENCODING, "gzip".parse().unwrap());
        assert!(check_type(&headers).is_err());
    }
}
