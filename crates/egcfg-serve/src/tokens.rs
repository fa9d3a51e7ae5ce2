//! `/tokenize` and `/detokenize`, as vLLM has them.

use axum::response::Response;
use egcfg_model::{Encode, TokenId};
use serde_json::json;

use crate::app::App;
use crate::chat_template;
use crate::error::ApiError;
use crate::fields::{Fields, token_ids};
use crate::reply::json_response;

/// Text, or a conversation, to tokens.
pub(crate) fn tokenize(app: &App, mut fields: Fields) -> Result<Response, ApiError> {
    app.check_model(fields.text("model")?.as_deref())?;
    let model = app.model();
    let tokens = if fields.has("messages") {
        let messages = chat_template::messages(&mut fields, app.limits().messages)?;
        chat_template::prompt(model, &app.0.parts.template, &messages)?.tokens
    } else {
        let text = fields.text("prompt")?.ok_or_else(|| fields.error("prompt", "is missing"))?;
        let special = fields.flag_or_none("add_special_tokens")?.unwrap_or(true);
        let parse = fields.flag_or_none("parse_special")?.unwrap_or(true);
        let how = if parse { Encode::Template } else { Encode::Plain };
        let mut tokens: Vec<TokenId> = model.info().bos.filter(|_| special).into_iter().collect();
        tokens.extend(model.encode(&text, how).map_err(|error| fields.error("prompt", error.to_string()))?);
        tokens
    };
    json_response(&json!({
        "count": tokens.len(), "max_model_len": model.info().context, "tokens": tokens,
    }))
}

/// Tokens to text; with `pieces`, the bytes of each token besides.
pub(crate) fn detokenize(app: &App, mut fields: Fields) -> Result<Response, ApiError> {
    app.check_model(fields.text("model")?.as_deref())?;
    let model = app.model();
    let list = fields
        .list("tokens", app.limits().prompt_tokens)?
        .ok_or_else(|| fields.error("tokens", "is missing"))?;
    let tokens = token_ids("tokens", &list, model.info().vocab)?;
    let pieces: Vec<&[u8]> = tokens.iter().map(|token| model.token_bytes(*token)).collect();
    let text = String::from_utf8_lossy(&pieces.concat()).into_owned();
    if fields.flag("pieces")? {
        return json_response(&json!({ "prompt": text, "pieces": pieces }));
    }
    json_response(&json!({ "prompt": text }))
}
