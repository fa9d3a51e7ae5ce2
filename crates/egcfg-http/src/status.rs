//! What a status and a `Retry-After` header mean for the next attempt.

use std::time::{Duration, SystemTime};

/// Whether a status may change by itself.
pub fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504 | 520..=529)
}

/// Whether a status says that the server has too much to do.
pub fn is_overload(status: u16) -> bool {
    matches!(status, 429 | 503 | 504 | 529)
}

/// What a `Retry-After` header asks for: seconds, or a date.
pub fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return (0.0..=1e7).contains(&seconds).then(|| Duration::from_secs_f64(seconds));
    }
    let at = httpdate::parse_http_date(value).ok()?;
    Some(at.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        // The Unix second 1445412480 is 2015-10-21 07:28:00 UTC.
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_445_412_480 - 30);
        assert_eq!(retry_after("Wed, 21 Oct 2015 07:28:00 GMT", now), Some(Duration::from_secs(30)));
        assert_eq!(retry_after("Wed, 21 Oct 2015 07:00:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after(" 2 ", now), Some(Duration::from_secs(2)));
        assert_eq!(
            (retry_after("soon", now), retry_after("-1", now), retry_after("NaN", now)),
            (None, None, None)
        );
    }

    #[test]
    fn statuses_that_stay_are_not_asked_again() {
        assert!([408, 429, 500, 502, 503, 504, 529].into_iter().all(is_transient));
        assert!(![200, 301, 400, 401, 403, 404, 413, 422, 501, 505].into_iter().any(is_transient));
    }
}
