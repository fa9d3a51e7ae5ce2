//! Texts to tokens, piece by piece: what is encoded apart must be what the joined text's bytes are. SentencePiece models
//! put a space before every text; here a guard character takes that space, and both are cut off again.

use llama_cpp_2::model::LlamaModel as Weights;
use llama_cpp_2::model::VocabType;
use llama_cpp_2::token::LlamaToken;

use crate::api::{Encode, TokenId};

/// A control character that no vocabulary merges with its neighbours: it is spelled by a byte token.
const GUARD: &str = "\u{1}";

/// What encoding needs beside the weights' own tokenizer.
#[derive(Debug)]
pub(crate) struct Encoder {
    /// The guard's tokens, for models that put a space before a text.
    guard: Vec<LlamaToken>,
    /// Spellings of control tokens, longest first, for the same models.
    special: Vec<(Vec<u8>, TokenId)>,
}

impl Encoder {
    pub(crate) fn of(weights: &Weights) -> Self {
        let vocab = weights.vocab();
        if !matches!(vocab.vocab_type(), VocabType::SPM) {
            return Self { guard: Vec::new(), special: Vec::new() };
        }
        let mut special: Vec<(Vec<u8>, TokenId)> = vocab
            .tokens()
            .filter(|token| vocab.is_control(*token))
            .filter_map(|token| Some((vocab.text(token)?.to_bytes().to_vec(), token.0 as TokenId)))
            .filter(|(spelling, _)| !spelling.is_empty())
            .collect();
        special.sort_by_key(|(spelling, _)| std::cmp::Reverse(spelling.len()));
        Self { guard: vocab.tokenize(GUARD.as_bytes(), false, false), special }
    }

    /// Tokens of a text, without a beginning-of-sequence token.
    pub(crate) fn encode(&self, weights: &Weights, text: &str, how: Encode) -> Vec<TokenId> {
        if self.guard.is_empty() {
            return ids(&weights.vocab().tokenize(text.as_bytes(), false, how == Encode::Template)).collect();
        }
        let mut tokens = Vec::new();
        let mut plain_from = 0;
        let mut at = 0;
        while how == Encode::Template && at < text.len() {
            let rest = &text.as_bytes()[at..];
            if let Some((spelling, token)) =
                self.special.iter().find(|(spelling, _)| rest.starts_with(spelling))
            {
                self.push_plain(weights, &text.as_bytes()[plain_from..at], &mut tokens);
                tokens.push(*token);
                at += spelling.len();
                plain_from = at;
            } else {
                at += 1;
            }
        }
        self.push_plain(weights, &text.as_bytes()[plain_from..], &mut tokens);
        tokens
    }

    fn push_plain(&self, weights: &Weights, text: &[u8], tokens: &mut Vec<TokenId>) {
        if text.is_empty() {
            return;
        }
        let guarded = [GUARD.as_bytes(), text].concat();
        let encoded = weights.vocab().tokenize(&guarded, false, false);
        match encoded.strip_prefix(self.guard.as_slice()) {
            Some(own) => tokens.extend(ids(own)),
            // A vocabulary that merges the guard after all: a leading space is the lesser evil.
            None => tokens.extend(ids(&weights.vocab().tokenize(text, false, false))),
        }
    }
}

fn ids(tokens: &[LlamaToken]) -> impl Iterator<Item = TokenId> + '_ {
    tokens.iter().filter_map(|token| TokenId::try_from(token.0).ok())
}
