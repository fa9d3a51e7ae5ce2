//! `/tokenize` and `/detokenize`, as vLLM has them.

use axum::response::Response;
use egcfg_model::{Encode, TokenId};
use serde_json::{Value, json};

use crate::admission::Place;
use crate::app::App;
use crate::asked::habits;
use crate::chat_template;
use crate::compute::compute;
use crate::error::ApiError;
use crate::fields::{Fields, token_ids};
use crate::messages;
use crate::reply::{json_response, tell};

/// Text, or a conversation, to tokens.
pub(crate) async fn tokenize(app: App, mut fields: Fields, place: Place) -> Result<Response, ApiError> {
    let app = app.choose(fields.text("model")?.as_deref())?;
    let messages = if fields.has("messages") { Some(messages::messages(&app, &mut fields)?) } else { None };
    let (special, parse) =
        (fields.flag_or_none("add_special_tokens")?, fields.flag_or_none("parse_special")?);
    let text = match &messages {
        Some(_) => String::new(),
        None => fields.text("prompt")?.ok_or_else(|| fields.error("prompt", "is missing"))?,
    };
    app.check_size("prompt", text.len())?;
    habits(&mut fields);
    let ignored = fields.rest();
    let slot = app.0.admission.work(place).await?;
    let own = app.clone();
    let (_slot, tokens) = compute(slot, move || {
        let model = own.model();
        if let Some(messages) = &messages {
            return Ok(chat_template::prompt(model, &own.0.parts.template, messages)?.tokens);
        }
        let how = if parse.unwrap_or(true) { Encode::Template } else { Encode::Plain };
        let mut tokens: Vec<TokenId> =
            model.info().bos.filter(|_| special.unwrap_or(true)).into_iter().collect();
        let encoded = model.encode(&text, how);
        tokens.extend(encoded.map_err(|error| ApiError::field("prompt", error.to_string()))?);
        Ok(tokens)
    })
    .await?;
    let length = app.model().info().context;
    let reply = json!({ "count": tokens.len(), "max_model_len": length, "tokens": tokens });
    Ok(tell(json_response(&reply)?, &ignored))
}

/// Tokens to text; with `pieces`, the bytes of each token besides.
pub(crate) async fn detokenize(app: App, mut fields: Fields, place: Place) -> Result<Response, ApiError> {
    let app = app.choose(fields.text("model")?.as_deref())?;
    let list = fields
        .list("tokens", app.limits().prompt_tokens)?
        .ok_or_else(|| fields.error("tokens", "is missing"))?;
    let wanted = fields.flag("pieces")?;
    habits(&mut fields);
    let ignored = fields.rest();
    let slot = app.0.admission.work(place).await?;
    let own = app.clone();
    let (_slot, reply) = compute(slot, move || detokenized(&own, &list, wanted)).await?;
    Ok(tell(json_response(&reply)?, &ignored))
}

fn detokenized(app: &App, list: &[Value], wanted: bool) -> Result<Value, ApiError> {
    let model = app.model();
    let tokens = token_ids("tokens", list, model.info().vocab)?;
    let pieces: Vec<&[u8]> = tokens.iter().map(|token| model.token_bytes(*token)).collect();
    let text = String::from_utf8_lossy(&pieces.concat()).into_owned();
    Ok(if wanted { json!({ "prompt": text, "pieces": pieces }) } else { json!({ "prompt": text }) })
}
