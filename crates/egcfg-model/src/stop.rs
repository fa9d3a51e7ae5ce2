//! When a sampled continuation ends: newlines, stop texts, end tokens and lengths, watched token by token. Tokens are
//! bytes here. A stop text is looked for in the bytes, where UTF-8 makes a match of bytes a match of characters, so a
//! character that is spread over two tokens needs no decoding; and a token is kept whole or not at all.

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
        let text_found = self.rule.texts.iter().any(|text| self.ends_in_new_bytes(text.as_bytes(), before));
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

    /// Whether `text` occurs so that at least its last byte is new; what lay in the tail whole does not count.
    fn ends_in_new_bytes(&self, text: &[u8], before: usize) -> bool {
        let start = (before + 1).saturating_sub(text.len());
        self.recent[start..].windows(text.len()).any(|window| window == text)
    }

    fn forget(&mut self) {
        let keep = self.longest.saturating_sub(1);
        if self.recent.len() > keep {
            self.recent.drain(..self.recent.len() - keep);
        }
    }
}
