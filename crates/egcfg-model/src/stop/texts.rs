//! Where a stop text stands. It is looked for in bytes, where UTF-8 makes a match of bytes a match of characters, so a
//! character that is spread over two tokens needs no decoding. Of several, the one that is complete first counts, since the
//! answer ends there; of those that end together, the longest. Empty stop texts are ignored.

use std::ops::Range;

/// A stop text and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopAt<'s> {
    /// Its bytes.
    pub range: Range<usize>,
    pub text: &'s str,
}

/// The first stop text in `bytes` that ends behind the first `seen` of them.
pub fn first_stop<'s>(stops: &'s [String], bytes: &[u8], seen: usize) -> Option<StopAt<'s>> {
    let found = stops.iter().filter(|stop| !stop.is_empty()).filter_map(|stop| {
        let from = (seen + 1).saturating_sub(stop.len());
        let at = bytes.get(from..)?.windows(stop.len()).position(|window| window == stop.as_bytes())?;
        Some(StopAt { range: from + at..from + at + stop.len(), text: stop })
    });
    found.min_by_key(|at| (at.range.end, at.range.start))
}

/// How many bytes at the end may turn out to be the beginning of a stop text.
pub(super) fn begun(stops: &[String], bytes: &[u8]) -> usize {
    let beginnings = stops.iter().flat_map(|stop| {
        let text = stop.as_bytes();
        (1..text.len()).filter(|length| bytes.ends_with(&text[..*length]))
    });
    beginnings.max().unwrap_or(0)
}
