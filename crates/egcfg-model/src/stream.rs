//! [`Stream`]: a token list that grows over a model. Opening, forking and truncating cost nothing here; the model's cache
//! recognises what it has computed by the tokens themselves.

use crate::api::{LanguageModel, ScoreReply, ScoreRequest, TokenId};
use crate::dist::LogProbs;
use crate::error::ModelError;

/// A prompt and what was accepted after it.
#[derive(Clone)]
pub struct Stream<'m> {
    model: &'m dyn LanguageModel,
    tokens: Vec<TokenId>,
}

impl<'m> Stream<'m> {
    /// Opens a stream over a prompt's tokens.
    pub fn open(model: &'m dyn LanguageModel, prompt: Vec<TokenId>) -> Self {
        Self { model, tokens: prompt }
    }

    /// All tokens, the prompt first.
    pub fn tokens(&self) -> &[TokenId] {
        &self.tokens
    }

    /// Appends tokens without asking for anything; they are computed with the next request.
    pub fn push(&mut self, tokens: &[TokenId]) {
        self.tokens.extend_from_slice(tokens);
    }

    /// Appends tokens and returns the distribution after each.
    pub async fn extend(&mut self, tokens: &[TokenId]) -> Result<Vec<LogProbs>, ModelError> {
        let reply = self.verify(vec![tokens.to_vec()]).await?;
        self.push(tokens);
        Ok(reply.after.into_iter().next().unwrap_or_default())
    }

    /// The distribution after the last token.
    pub async fn next(&self) -> Result<LogProbs, ModelError> {
        Ok(self.verify(Vec::new()).await?.next)
    }

    /// Distributions along several drafts of this stream, in one engine call; the stream itself does not move.
    pub async fn verify(&self, drafts: Vec<Vec<TokenId>>) -> Result<ScoreReply, ModelError> {
        self.model.score(ScoreRequest { context: self.tokens.clone(), drafts }).await
    }

    /// An independent stream with the same tokens.
    #[must_use]
    pub fn fork(&self) -> Self {
        self.clone()
    }

    /// Keeps the first `len` tokens.
    pub fn truncate(&mut self, len: usize) {
        self.tokens.truncate(len);
    }
}
