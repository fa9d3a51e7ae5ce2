//! Texts to tokens, piece by piece: what is encoded apart must be what the joined text's bytes are. SentencePiece models
//! put a space before every text; here a guard character takes that space, and both are cut off again. All of it goes
//! through [`Guard`], so that no text can end the process or hold it.

use llama_cpp_2::model::LlamaModel as Weights;
use llama_cpp_2::model::VocabType;
use llama_cpp_2::token::LlamaToken;

use crate::api::{Encode, TokenId};
use crate::error::ModelError;
use crate::guard::{Guard, Splitter};
use crate::llama::info::Vocabulary;

/// A control character that no vocabulary merges with its neighbours: it is spelled by a byte token.
const GUARD: &str = "\u{1}";

/// What encoding needs beside the weights' own tokenizer.
#[derive(Debug)]
pub(crate) struct Encoder {
    /// The guard's tokens, for models that put a space before a text.
    guard: Vec<LlamaToken>,
    /// Spellings of control tokens, longest first, for the same models.
    special: Vec<(Vec<u8>, TokenId)>,
    /// Keeps texts from ending or holding the process.
    limits: Guard,
}

impl Encoder {
    pub(crate) fn of(weights: &Weights, vocabulary: &Vocabulary) -> Self {
        let vocab = weights.vocab();
        let mut special: Vec<(Vec<u8>, TokenId)> = vocab
            .tokens()
            .filter(|token| vocab.is_control(*token))
            .filter_map(|token| Some((vocab.text(token)?.to_bytes().to_vec(), token.0 as TokenId)))
            .filter(|(spelling, _)| !spelling.is_empty())
            .collect();
        let (splitter, merges) = match vocab.vocab_type() {
            VocabType::BPE => {
                let name = weights.meta_val_str("tokenizer.ggml.pre").unwrap_or_default();
                (Splitter::of_llama(&name), true)
            }
            VocabType::SPM => (Splitter::Linear, true),
            _ => (Splitter::Linear, false),
        };
        let limits = Guard::new(
            splitter,
            merges,
            vocabulary.all_bytes().chain(special.iter().map(|(spelling, _)| spelling.as_slice())),
        );
        if !matches!(vocab.vocab_type(), VocabType::SPM) {
            return Self { guard: Vec::new(), special: Vec::new(), limits };
        }
        special.sort_by_key(|(spelling, _)| std::cmp::Reverse(spelling.len()));
        Self { guard: vocab.tokenize(GUARD.as_bytes(), false, false), special, limits }
    }

    /// Tokens of a text, without a beginning-of-sequence token.
    pub(crate) fn encode(
        &self,
        weights: &Weights,
        text: &str,
        how: Encode,
        context: usize,
    ) -> Result<Vec<TokenId>, ModelError> {
        self.limits.encode(text, context, |part| Ok(self.part(weights, part, how)))
    }

    /// The library's own tokens of a text, which may be anything.
    fn part(&self, weights: &Weights, text: &str, how: Encode) -> Vec<TokenId> {
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

    /// The tokens as the library gives them for the whole text at once: what tests compare with.
    #[cfg(test)]
    pub(crate) fn unguarded(&self, weights: &Weights, text: &str, how: Encode) -> Vec<TokenId> {
        self.part(weights, text, how)
    }
}

fn ids(tokens: &[LlamaToken]) -> impl Iterator<Item = TokenId> + '_ {
    tokens.iter().filter_map(|token| TokenId::try_from(token.0).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llama::LlamaModel;
    use crate::{LlamaOptions, RandomLlama};

    /// A model of every splitter that needs care, with a vocabulary of bytes and a few merges, and the embedded one.
    fn models() -> Vec<(String, LlamaModel)> {
        let folder = tempfile::tempdir().unwrap();
        let shape =
            RandomLlama { vocab: 400, width: 32, inner: 32, layers: 1, heads: 2, context: 8192, seed: 3 };
        let mut all: Vec<(String, LlamaModel)> =
            ["gpt-2", "default", "deepseek-llm", "falcon", "tekken", "llama-bpe", "qwen2"]
                .into_iter()
                .map(|pre| {
                    let path = folder.path().join(format!("{pre}.gguf"));
                    shape.write_with_splitter(&path, pre).unwrap();
                    (pre.to_owned(), LlamaModel::load(&LlamaOptions::new(path)).unwrap())
                })
                .collect();
        #[cfg(feature = "pocket")]
        all.push(("pocket".to_owned(), LlamaModel::pocket().unwrap()));
        all
    }

    #[test]
    fn ordinary_texts_have_the_library_s_own_tokens() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut texts: Vec<String> = ["README.md", "docs/method.md", "docs/architecture.md", "Makefile"]
            .iter()
            .filter_map(|name| std::fs::read_to_string(root.join(name)).ok())
            .collect();
        let python = root.join("crates/egcfg-sandbox/src/python");
        for entry in std::fs::read_dir(python).unwrap() {
            texts.extend(std::fs::read_to_string(entry.unwrap().path()).ok());
        }
        assert!(texts.iter().map(String::len).sum::<usize>() > 100_000);
        for (name, model) in models() {
            let (mut compared, mut refused) = (0, 0);
            for text in &texts {
                // Windows of what fits the context, so that the cuts fall everywhere.
                for start in (0..text.len()).step_by(7919) {
                    let window =
                        &text[text.floor_char_boundary(start)..text.floor_char_boundary(start + 6000)];
                    for how in [Encode::Plain, Encode::Template] {
                        match model.encoder.encode(&model.weights, window, how, 1 << 20) {
                            Ok(tokens) => {
                                assert_eq!(
                                    tokens,
                                    model.encoder.unguarded(&model.weights, window, how),
                                    "{name}"
                                );
                                compared += 1;
                            }
                            Err(_) => refused += 1,
                        }
                    }
                }
            }
            assert!(compared > 20 && refused == 0, "{name}: {compared} compared, {refused} refused");
        }
    }

    #[test]
    fn no_text_ends_or_holds_the_process() {
        let texts = [
            "a".repeat(8_000),
            "a".repeat(16_000),
            "A".repeat(16_000),
            "\u{e9}".repeat(8_000),
            " ".repeat(16_000),
            "9".repeat(16_000),
            "(".repeat(16_000),
            "\n".repeat(16_000),
            "' ".repeat(8_000),
            " ".repeat(300_000),
            "a".repeat(3_000_000),
            "a ".repeat(1_000_000),
            "\u{301}".repeat(9_000),
        ];
        for (name, model) in models() {
            for text in &texts {
                // On a small stack, as the threads of a server have.
                std::thread::scope(|scope| {
                    let work = std::thread::Builder::new().stack_size(512 << 10).spawn_scoped(scope, || {
                        model.encoder.encode(&model.weights, text, Encode::Plain, 1 << 14)
                    });
                    match work.unwrap().join().unwrap() {
                        Ok(tokens) => assert!(tokens.len() <= 1 << 14, "{name}"),
                        Err(error) => {
                            let said = error.to_string();
                            assert!(
                                said.contains("without a break") || said.contains("context holds"),
                                "{name}: {said}"
                            );
                        }
                    }
                });
            }
        }
    }
}
