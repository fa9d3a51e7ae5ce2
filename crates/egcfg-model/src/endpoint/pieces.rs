//! The bytes of tokens as a server lets them be known, bit by bit: a table that only grows and lends out what it holds. For
//! servers without token ids it also hands out numbers: there, a token is the text that a server returned for it, or a
//! whole prompt part, and its number means nothing outside this process.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::api::TokenId;
use crate::endpoint::tokenizer::{MOST_TOKENS, Tokenizer};

type Bucket = Box<[OnceLock<Box<[u8]>>]>;

/// Bytes by token number. Bucket b holds the numbers from 2^b - 1 to 2^(b+1) - 2, made when one of them is first known.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    buckets: [OnceLock<Bucket>; 25],
    numbers: Mutex<Numbers>,
    /// Numbers below this are a vocabulary's.
    vocabulary: OnceLock<TokenId>,
}

/// Numbers of texts.
#[derive(Debug, Default)]
struct Numbers {
    by_text: HashMap<Box<[u8]>, TokenId>,
    /// Handed out so far.
    fresh: usize,
}

impl Pieces {
    /// Takes a whole vocabulary; must come before anything else.
    pub(crate) fn adopt(&self, tokenizer: &Tokenizer) {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        for id in &tokenizer.order {
            if let Some(bytes) = tokenizer.bytes.get(*id as usize).and_then(Option::as_deref) {
                self.learn(*id, bytes);
                numbers.by_text.entry(bytes.into()).or_insert(*id);
            }
        }
        let _ = self.vocabulary.set(tokenizer.size() as TokenId);
    }

    /// Whether there is a vocabulary, and all of these tokens are of it.
    pub(crate) fn of_vocabulary(&self, tokens: &[TokenId]) -> bool {
        self.vocabulary.get().is_some_and(|size| tokens.iter().all(|token| token < size))
    }

    /// The bytes of a token, where they are known.
    pub(crate) fn get(&self, token: TokenId) -> Option<&[u8]> {
        let (bucket, index) = place(token)?;
        self.buckets[bucket].get()?[index].get().map(|bytes| &**bytes)
    }

    /// Makes the bytes of a token known; what was known first stays.
    pub(crate) fn learn(&self, token: TokenId, bytes: &[u8]) {
        let Some((bucket, index)) = place(token) else { return };
        let bucket = self.buckets[bucket]
            .get_or_init(|| std::iter::repeat_with(OnceLock::new).take(1 << bucket).collect());
        bucket[index].get_or_init(|| bytes.into());
    }

    /// The number of a piece of text, a new one if need be.
    pub(crate) fn number(&self, bytes: &[u8]) -> TokenId {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = numbers.by_text.get(bytes) {
            return *known;
        }
        // Past the table's end everything is one unknown token; a run never comes near it.
        let first = self.vocabulary.get().map_or(0, |size| *size as usize);
        let fresh = (first + numbers.fresh).min(MOST_TOKENS - 2) as TokenId;
        numbers.fresh += 1;
        numbers.by_text.insert(bytes.into(), fresh);
        drop(numbers);
        self.learn(fresh, bytes);
        fresh
    }

    /// The text of a token list; broken UTF-8 becomes replacement characters.
    pub(crate) fn text(&self, tokens: &[TokenId]) -> String {
        let bytes: Vec<u8> =
            tokens.iter().flat_map(|token| self.get(*token).unwrap_or(&[])).copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn place(token: TokenId) -> Option<(usize, usize)> {
    let shifted = token as usize + 1;
    if shifted >= MOST_TOKENS {
        return None;
    }
    let bucket = shifted.ilog2() as usize;
    Some((bucket, shifted - (1 << bucket)))
}

/// A piece of text that stands between tokens when many are looked up at once: no vocabulary holds it as one token, so it
/// occurs in no token's text.
const MARK: &str = "#~egcfg~#";

/// Interleaves tokens with the tokens of [`MARK`]: mark, token, mark, token, ..., mark.
pub(crate) fn marked(tokens: &[TokenId], mark: &[TokenId]) -> Vec<TokenId> {
    let mut all = mark.to_vec();
    for token in tokens {
        all.push(*token);
        all.extend_from_slice(mark);
    }
    all
}

/// The text of the mark.
pub(crate) fn mark() -> &'static str {
    MARK
}

/// Splits the text of [`marked`] tokens; `None` where the marks do not come out as they went in.
pub(crate) fn unmarked(text: &str, count: usize) -> Option<Vec<String>> {
    let mut parts: Vec<String> = text.split(MARK).map(str::to_owned).collect();
    if parts.len() != count + 2 {
        return None;
    }
    // What stands before the first and after the last mark is not ours (a server may add a beginning-of-text token).
    parts.pop();
    parts.remove(0);
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_learned_first_stays(tokens in prop::collection::vec((0_u32..5000, "[a-z]{0,4}"), 1..60)) {
            let pieces = Pieces::default();
            let mut first: HashMap<u32, String> = HashMap::new();
            for (token, text) in &tokens {
                pieces.learn(*token, text.as_bytes());
                first.entry(*token).or_insert_with(|| text.clone());
            }
            for (token, text) in &first {
                prop_assert_eq!(pieces.get(*token), Some(text.as_bytes()));
            }
            prop_assert_eq!(pieces.get(6000), None);
        }

        #[test]
        fn numbers_and_texts_go_both_ways(texts in prop::collection::vec("[ab\n]{0,3}", 1..40)) {
            let pieces = Pieces::default();
            let numbers: Vec<TokenId> = texts.iter().map(|t| pieces.number(t.as_bytes())).collect();
            prop_assert_eq!(pieces.text(&numbers), texts.concat());
            prop_assert!(numbers.iter().all(|n| (*n as usize) < texts.len()));
        }

        #[test]
        fn marks_come_apart_again(texts in prop::collection::vec("[ -}\n]{0,5}", 0..10)) {
            let joined = texts.iter().fold(format!("<s>{MARK}"), |all, text| all + text + MARK);
            prop_assert_eq!(unmarked(&joined, texts.len()), Some(texts.clone()));
            prop_assert_eq!(unmarked(&joined, texts.len() + 1), None);
        }
    }

    #[test]
    fn a_number_beyond_any_vocabulary_takes_no_memory() {
        let pieces = Pieces::default();
        pieces.learn(u32::MAX, b"x");
        assert_eq!(pieces.get(u32::MAX), None);
    }
}
