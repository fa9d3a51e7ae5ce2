//! Which failures are worth another try, and when. Pauses double and carry jitter, so that clients which failed together do
//! not come back together; a server's `Retry-After` counts where it gives one.

use std::time::{Duration, SystemTime};

use crate::sampler::uniform;

/// Longest pause that is our own choice.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Whether a status may change by itself.
pub(crate) fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504 | 520..=529)
}

/// Whether a status says that the server has too much to do.
pub(crate) fn is_overload(status: u16) -> bool {
    matches!(status, 429 | 503 | 504 | 529)
}

/// The pause before repetition `number` (from 0): between half of `first * 2^number` and all of it.
pub(crate) fn pause(first: Duration, number: u32, seed: u64) -> Duration {
    let full = first.saturating_mul(1 << number.min(16)).min(LONGEST_PAUSE);
    full.mul_f64(0.5 + 0.5 * uniform(seed, u64::from(number)))
}

/// What a `Retry-After` header asks for: seconds, or a date.
pub(crate) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
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
    fn pauses_double_within_jitter_and_stay_bounded() {
        for number in 0..40 {
            let full = Duration::from_millis(100).saturating_mul(1 << number.min(16)).min(LONGEST_PAUSE);
            let got = pause(Duration::from_millis(100), number, 7);
            assert!(got >= full / 2 && got <= full, "{number}: {got:?}");
        }
        assert_ne!(pause(Duration::from_secs(1), 3, 1), pause(Duration::from_secs(1), 3, 2));
    }
}
