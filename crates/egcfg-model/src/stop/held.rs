//! [`HeldText`]: the text of an answer while its tokens come. What may turn out to be a stop text is held back until that is
//! decided, and so is a character that is not whole, so that what was shown is never taken back and no character is cut:
//! the shown text is the same however it was split into tokens.

use super::texts::{begun, first_stop};

/// An answer's bytes and what is known about its end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeldText {
    /// What stands before the answer, then the answer.
    bytes: Vec<u8>,
    tail: usize,
    /// Where the first stop text begins and ends, in `bytes`, and which it is.
    found: Option<(usize, usize, String)>,
}

impl HeldText {
    /// An answer behind `tail`, in which a stop text may begin but not end.
    pub fn behind(tail: &str) -> Self {
        Self { bytes: tail.as_bytes().to_vec(), tail: tail.len(), found: None }
    }

    /// Takes a token's bytes.
    pub fn push(&mut self, bytes: &[u8], stops: &[String]) {
        let seen = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        if self.found.is_none() {
            let at = first_stop(stops, &self.bytes, seen);
            self.found = at.map(|at| (at.range.start, at.range.end, at.text.to_owned()));
        }
    }

    /// The answer's bytes, what is held back included.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[self.tail..]
    }

    /// Newlines of the answer.
    pub fn newlines(&self) -> usize {
        self.bytes().iter().filter(|byte| **byte == b'\n').count()
    }

    /// The stop text that ended it.
    pub fn stopped_by(&self) -> Option<&str> {
        self.found.as_ref().map(|(_, _, text)| text.as_str())
    }

    /// How many of the answer's bytes may be shown. `over`: no further token comes. `keep`: the stop text belongs to what is
    /// shown.
    pub fn visible(&self, stops: &[String], over: bool, keep: bool) -> usize {
        if let Some((start, end, _)) = &self.found {
            return (if keep { *end } else { *start }).saturating_sub(self.tail);
        }
        let own = self.bytes();
        if over {
            return own.len();
        }
        let sure = own.len().saturating_sub(begun(stops, &self.bytes));
        // Bytes that begin a character and may yet be completed.
        let rest = own[..sure].utf8_chunks().last().map_or(&[][..], |chunk| chunk.invalid());
        let open = std::str::from_utf8(rest).is_err_and(|error| error.error_len().is_none());
        if open { sure - rest.len() } else { sure }
    }

    /// The end of everything so far, for a stop text that goes on in what comes next: about as much as the longest has bytes.
    pub fn tail(&self, stops: &[String]) -> String {
        let longest = stops.iter().map(String::len).max().unwrap_or(0);
        let text = String::from_utf8_lossy(&self.bytes);
        let mut start = text.len().saturating_sub(longest);
        while !text.is_char_boundary(start) {
            start += 1;
        }
        text[start..].to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is shown of a text that comes in these pieces, token by token.
    fn shown(tail: &str, pieces: &[&[u8]], stops: &[String], keep: bool) -> Result<String, TestCaseError> {
        let (mut held, mut text, mut sent) = (HeldText::behind(tail), String::new(), 0);
        for (at, piece) in pieces.iter().enumerate() {
            held.push(piece, stops);
            let over = at + 1 == pieces.len();
            let visible = held.visible(stops, over, keep);
            prop_assert!(visible >= sent, "what was shown is taken back");
            let more = std::str::from_utf8(&held.bytes()[sent..visible]);
            text.push_str(more.map_err(|_| TestCaseError::fail("a character is cut"))?);
            sent = visible;
            if held.stopped_by().is_some() {
                break;
            }
        }
        Ok(text)
    }

    /// The rule in one line: everything up to the first stop text that ends in the answer.
    fn by_the_book(tail: &str, text: &str, stops: &[String], keep: bool) -> String {
        let all = format!("{tail}{text}");
        let ends = (tail.len() + 1..=all.len()).filter(|end| all.is_char_boundary(*end));
        for end in ends {
            let fitting = stops.iter().filter(|stop| !stop.is_empty() && all[..end].ends_with(stop.as_str()));
            if let Some(longest) = fitting.map(String::len).max() {
                let cut = if keep { end } else { (end - longest).max(tail.len()) };
                return all[tail.len()..cut].to_owned();
            }
        }
        text.to_owned()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn any_split_into_tokens_shows_the_same_text(
            tail in "[a`\n\u{e9}\u{1f600}]{0,4}",
            text in "[a`\n\u{e9}\u{1f600}]{0,16}",
            stops in prop::collection::vec("[a`\n\u{e9}\u{1f600}]{0,4}", 0..4),
            cuts in prop::collection::vec(0_usize..64, 0..12),
            keep: bool,
        ) {
            let expected = by_the_book(&tail, &text, &stops, keep);
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(&shown(&tail, &pieces, &stops, keep)?, &expected);
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            if !single.is_empty() {
                prop_assert_eq!(&shown(&tail, &single, &stops, keep)?, &expected);
            }
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_and_do_not_hold_up_the_rest() {
        let (stops, mut held) = (["END".to_owned()], HeldText::default());
        held.push(b"a\xff", &stops);
        assert_eq!(held.visible(&stops, false, false), 2);
        held.push(b"b\xe2\x82", &stops);
        assert_eq!(held.visible(&stops, false, false), 3);
        held.push(b"\xacE", &stops);
        assert_eq!(held.visible(&stops, false, false), 6);
        assert_eq!(held.visible(&stops, true, false), 7);
        held.push(b"NDx", &stops);
        assert_eq!((held.visible(&stops, false, false), held.stopped_by()), (6, Some("END")));
    }
}
