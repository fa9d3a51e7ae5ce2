//! What every model refuses in the same words: empty contexts, ids outside the vocabulary, requests longer than the
//! context.

use crate::api::{ModelInfo, SampleRequest, ScoreRequest, TokenId};
use crate::error::ModelError;

/// Refuses a score request that cannot be answered.
pub(crate) fn score(info: &ModelInfo, request: &ScoreRequest) -> Result<(), ModelError> {
    context(info, &request.context)?;
    for draft in &request.drafts {
        known(info, draft)?;
        fits(info, request.context.len() + draft.len())?;
    }
    Ok(())
}

/// Refuses a sample request that cannot be answered. There must be room for one new token.
pub(crate) fn sample(info: &ModelInfo, request: &SampleRequest) -> Result<(), ModelError> {
    context(info, &request.context)?;
    for continuation in &request.continuations {
        known(info, &continuation.prefix)?;
        fits(info, request.context.len() + continuation.prefix.len() + 1)?;
    }
    Ok(())
}

fn context(info: &ModelInfo, tokens: &[TokenId]) -> Result<(), ModelError> {
    if tokens.is_empty() {
        return Err(ModelError::BadRequest(
            "the context is empty: a prompt needs at least one token".to_owned(),
        ));
    }
    known(info, tokens)?;
    fits(info, tokens.len())
}

fn known(info: &ModelInfo, tokens: &[TokenId]) -> Result<(), ModelError> {
    match tokens.iter().find(|token| **token as usize >= info.vocab) {
        Some(token) => Err(ModelError::BadRequest(format!(
            "token id {token} is outside the vocabulary of {} entries",
            info.vocab
        ))),
        None => Ok(()),
    }
}

fn fits(info: &ModelInfo, needed: usize) -> Result<(), ModelError> {
    if needed > info.context {
        return Err(ModelError::ContextOverflow { needed, context: info.context });
    }
    Ok(())
}
