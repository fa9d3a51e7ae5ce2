//! The part of the probe that is about tokens: text to tokens and back through the server, or by a tokenizer at hand where
//! only text passes; the beginning and the ends of texts.

use crate::api::{Encode, TokenId};
use crate::endpoint::ask::Ask;
use crate::endpoint::dialect::Dialect;
use crate::endpoint::ends::ENDS;
use crate::endpoint::lookup::{mark_tokens, text_of, tokenize};
use crate::endpoint::probe::Probe;
use crate::endpoint::tokenizer::Tokenizer;
use crate::error::ModelError;

/// A prompt whose continuation is not certain.
const TEXT: &str = "The quick brown fox and the";

impl Probe<'_> {
    /// Tokens from text and back; the beginning and the ends of texts.
    pub(super) async fn tokenizer(&mut self) -> Result<(), ModelError> {
        if let (Dialect::OpenAi, Some(tokenizer)) = (self.caps.dialect, self.tokenizer) {
            return self.own_tokenizer(tokenizer).await;
        }
        if self.tokenizer.is_some() {
            self.caps
                .notes
                .push("--tokenizer is not needed: the server turns text into tokens itself".to_owned());
        }
        if self.caps.dialect == Dialect::OpenAi {
            let end = self.pieces.number(b"");
            self.info.end_tokens = vec![end];
            self.prompt = vec![self.pieces.number(TEXT.as_bytes())];
            self.caps.notes.push(
                "only text passes: prompts are encoded by the server, so tokens may be split differently than they \
                 were written, and a user's text may spell special tokens"
                    .to_owned(),
            );
            return Ok(());
        }
        let plain = tokenize(self.transport, &self.caps, TEXT, Encode::Plain, false).await?;
        let special = tokenize(self.transport, &self.caps, TEXT, Encode::Plain, true).await?;
        if special.len() == plain.len() + 1 && special.ends_with(&plain) {
            self.info.bos = special.first().copied();
        }
        self.prompt = special;
        self.caps.special.extend(ENDS.map(str::to_owned));
        if self.info.end_tokens.is_empty() {
            let spellings = self.caps.special.clone();
            let mut found = Vec::new();
            for spelling in spellings {
                let ids = tokenize(self.transport, &self.caps, &spelling, Encode::Template, false).await?;
                if let [id] = ids[..] {
                    found.push(id);
                }
            }
            found.sort_unstable();
            found.dedup();
            self.info.end_tokens = found;
        }
        if self.info.end_tokens.is_empty() {
            self.caps
                .notes
                .push("no end-of-text token was found: answers end by their fence or by length".to_owned());
        }
        for end in &self.info.end_tokens {
            self.pieces.learn(*end, b"");
        }
        // llama.cpp sends the bytes of every token along.
        if self.caps.dialect != Dialect::LlamaCpp {
            self.caps.mark = mark_tokens(self.transport, &self.caps).await?;
            let body = serde_json::json!({ "model": self.caps.model, "tokens": plain });
            let reply = self.transport.call("/detokenize", Some(&body)).await?;
            let text = text_of(&reply).unwrap_or_default();
            if text.trim() != TEXT {
                self.caps
                    .notes
                    .push(format!("tokens do not come back as the text they were made of: {text:?}"));
            }
            self.caps.detokenize = true;
        }
        Ok(())
    }

    /// Tokens are made on this side; the server is sent them where it takes them. A tokenizer that is not the model's would be
    /// worse than none, so the server's count of tokens is compared.
    async fn own_tokenizer(&mut self, tokenizer: &Tokenizer) -> Result<(), ModelError> {
        self.pieces.adopt(tokenizer);
        self.caps.vocab = Some(tokenizer.size());
        let mut ends: Vec<TokenId> = ENDS.iter().filter_map(|end| tokenizer.token(end)).collect();
        ends.sort_unstable();
        ends.dedup();
        if ends.is_empty() {
            ends.push(self.pieces.number(b""));
        }
        self.info.end_tokens = ends;
        let plain = tokenizer.encode(TEXT, Encode::Plain, usize::MAX)?;
        let whole: Vec<TokenId> = tokenizer.bos.into_iter().chain(plain.iter().copied()).collect();
        let one = |prompt: &[TokenId]| Ask { prompts: vec![prompt.to_vec()], top: 1, ..self.ask() };
        let as_text = self.attempt(&one(&plain)).await?.ok();
        // The count holds the one new token. Servers that do not count say nothing. Ids of another vocabulary are never sent:
        // not every server survives them.
        let counted =
            as_text.as_ref().map(|answer| answer.tokens.saturating_sub(1)).filter(|count| *count > 0);
        if let Some(counted) = counted.filter(|counted| counted.abs_diff(plain.len()) > 1) {
            let path = self.transport.options().tokenizer.clone().unwrap_or_default();
            return Err(ModelError::Load {
                path: path.display().to_string(),
                reason: format!(
                    "not this model's tokenizer: the server makes {counted} tokens of a text of {}",
                    plain.len()
                ),
            });
        }
        let ask = one(&whole);
        self.caps.ids_in = true;
        self.caps.ids_in = self.attempt(&ask).await?.is_ok();
        if self.caps.ids_in {
            self.info.bos = tokenizer.bos;
            self.prompt = whole;
        } else {
            self.prompt = plain;
            self.caps.notes.push(
                "the server takes no token ids: lengths are exact, but prompts are encoded anew by the server, so tokens may be \
                 split differently than they were written, and a user's text may spell special tokens"
                    .to_owned(),
            );
        }
        Ok(())
    }
}
