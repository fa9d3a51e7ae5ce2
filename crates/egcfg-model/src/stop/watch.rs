//! When a sampled continuation ends: newlines, stop texts, end tokens and lengths, watched token by token. Tokens are
//! bytes here, and a token is kept whole or not at all.

use super::texts::first_stop;
use crate::api::{StopReason, StopRule};

/// The state of one rule along one continuation.
#[derive(Debug, Clone)]
pub(crate) struct StopWatch {
    rule: StopRule,
    /// Longest stop text in bytes.
    longest: usize,
    /// The last bytes seen: enough that any stop text which ends in the next token lies within.
    recent: Vec<u8>,
    tokens: usize,
    newlines: usize,
}

impl StopWatch {
    /// Starts watching after `tail`. Empty stop texts are ignored.
    pub(crate) fn new(mut rule: StopRule, tail: &str) -> Self {
        rule.texts.retain(|text| !text.is_empty());
        let longest = rule.texts.iter().map(String::len).max().unwrap_or(0);
        let mut watch = Self { rule, longest, recent: tail.as_bytes().to_vec(), tokens: 0, newlines: 0 };
        watch.forget();
        watch
    }

    /// A reason to end before any token: a limit of nothing.
    pub(crate) fn at_start(&self) -> Option<StopReason> {
        if self.rule.max_tokens == 0 {
            Some(StopReason::Length)
        } else if self.rule.newlines == Some(0) {
            Some(StopReason::Newlines)
        } else {
            None
        }
    }

    /// Takes the next token; the reason to end after it, if there is one. Where several hold, the first of: end of text, stop
    /// text, newlines, length.
    pub(crate) fn push(&mut self, bytes: &[u8], is_end: bool) -> Option<StopReason> {
        self.tokens += 1;
        self.newlines += bytes.split(|byte| *byte == b'\n').count() - 1;
        let before = self.recent.len();
        self.recent.extend_from_slice(bytes);
        // What lay in the tail whole does not count.
        let text_found = first_stop(&self.rule.texts, &self.recent, before).is_some();
        self.forget();
        if is_end {
            Some(StopReason::EndOfText)
        } else if text_found {
            Some(StopReason::Text)
        } else if self.rule.newlines.is_some_and(|limit| self.newlines >= limit) {
            Some(StopReason::Newlines)
        } else if self.tokens >= self.rule.max_tokens {
            Some(StopReason::Length)
        } else {
            None
        }
    }

    fn forget(&mut self) {
        let keep = self.longest.saturating_sub(1);
        if self.recent.len() > keep {
            self.recent.drain(..self.recent.len() - keep);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The rule as its documentation states it, on everything seen so far.
    fn by_the_book(rule: &StopRule, tail: &str, tokens: &[Vec<u8>], end: bool) -> Option<StopReason> {
        let new: Vec<u8> = tokens.concat();
        let all = [tail.as_bytes(), &new].concat();
        let found = rule.texts.iter().map(String::as_bytes).any(|text| {
            let reaches_new = |start: usize| start + text.len() > tail.len();
            !text.is_empty()
                && (0..all.len()).any(|start| all[start..].starts_with(text) && reaches_new(start))
        });
        let newlines = new.split(|byte| *byte == b'\n').count() - 1;
        if end {
            Some(StopReason::EndOfText)
        } else if found {
            Some(StopReason::Text)
        } else if rule.newlines.is_some_and(|limit| newlines >= limit) {
            Some(StopReason::Newlines)
        } else if tokens.len() >= rule.max_tokens {
            Some(StopReason::Length)
        } else {
            None
        }
    }

    fn piece() -> impl Strategy<Value = Vec<u8>> {
        // Half characters, fences, newlines with indentation, control tokens without bytes.
        prop::sample::select(vec!["", "`", "``", "\n", "\n\n  ", "a", "a`", "\u{e9}", "b\n"]).prop_flat_map(
            |text| {
                let bytes = text.as_bytes().to_vec();
                (0..=bytes.len()).prop_map(move |cut| bytes[..cut].to_vec())
            },
        )
    }

    proptest! {
        #[test]
        fn watching_token_by_token_is_reading_the_whole(
            tail in "[a`\n\u{e9}]{0,5}",
            tokens in prop::collection::vec((piece(), prop::bool::weighted(0.05)), 1..14),
            max_tokens in 1_usize..14,
            newlines in prop::option::of(1_usize..5),
            texts in prop::collection::vec("[a`\n\u{e9}]{0,4}", 0..3),
        ) {
            let rule = StopRule { max_tokens, newlines, texts };
            let mut watch = StopWatch::new(rule.clone(), &tail);
            prop_assert_eq!(watch.at_start(), None);
            let bytes: Vec<Vec<u8>> = tokens.iter().map(|(bytes, _)| bytes.clone()).collect();
            for (at, (piece, end)) in tokens.iter().enumerate() {
                let expected = by_the_book(&rule, &tail, &bytes[..=at], *end);
                prop_assert_eq!(watch.push(piece, *end), expected);
                if expected.is_some() {
                    break;
                }
            }
        }
    }
}
