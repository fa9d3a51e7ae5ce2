//! The shapes of replies: OpenAI's, with vLLM's names for what OpenAI has not, and `egcfg` for what neither has.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use egcfg_model::TokenId;
use serde::ser::{Serialize, SerializeSeq, Serializer};
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::rows::{ById, Named, Names, Row, finite};

/// Tokens that a request cost.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) prompt: usize,
    pub(crate) completion: usize,
    /// Prompt tokens whose state was cached.
    pub(crate) cached: usize,
}

impl Usage {
    pub(crate) fn json(self) -> Value {
        json!({
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
            "prompt_tokens_details": { "cached_tokens": self.cached.min(self.prompt) },
        })
    }
}

/// A completion, whole or a part of one.
#[derive(serde::Serialize)]
pub(crate) struct Choice<'a> {
    pub(crate) index: usize,
    pub(crate) text: String,
    pub(crate) logprobs: Option<TextLogProbs<'a>>,
    pub(crate) finish_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stop_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token_ids: Option<&'a [TokenId]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prompt_token_ids: Option<&'a [TokenId]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prompt_logprobs: Option<PromptLogProbs<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) egcfg: Option<Value>,
}

impl Choice<'_> {
    /// One that says nothing yet.
    pub(crate) fn of(index: usize) -> Self {
        Self {
            index,
            text: String::new(),
            logprobs: None,
            finish_reason: None,
            stop_reason: None,
            token_ids: None,
            prompt_token_ids: None,
            prompt_logprobs: None,
            egcfg: None,
        }
    }
}

/// Log-probabilities of a prompt, `null` for the first position, where nothing precedes.
pub(crate) struct PromptLogProbs<'a> {
    pub(crate) rows: &'a [Row],
    /// The rows begin at the prompt's second token, so the first one's place is `null`.
    pub(crate) from_start: bool,
    pub(crate) names: Names<'a>,
}

impl Serialize for PromptLogProbs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        if self.from_start {
            list.serialize_element(&Value::Null)?;
        }
        for row in self.rows {
            list.serialize_element(&ById { row, names: self.names })?;
        }
        list.end()
    }
}

/// The completions form's lists: one entry per token, `null` where nothing precedes.
#[derive(serde::Serialize)]
pub(crate) struct TextLogProbs<'a> {
    pub(crate) tokens: Vec<String>,
    pub(crate) token_logprobs: Vec<Option<f32>>,
    pub(crate) top_logprobs: Vec<Option<Named<'a>>>,
    /// Where each token begins in the text, in characters.
    pub(crate) text_offset: Vec<usize>,
}

impl<'a> TextLogProbs<'a> {
    pub(crate) fn empty() -> Self {
        Self {
            tokens: Vec::new(),
            token_logprobs: Vec::new(),
            top_logprobs: Vec::new(),
            text_offset: Vec::new(),
        }
    }

    /// Appends tokens; `rows` may begin later than they do, then the first ones have no numbers.
    pub(crate) fn extend(
        &mut self,
        names: Names<'a>,
        tokens: &[TokenId],
        rows: &'a [Row],
        offset: &mut usize,
    ) {
        let bare = tokens.len() - rows.len().min(tokens.len());
        for (at, token) in tokens.iter().enumerate() {
            let row = at.checked_sub(bare).and_then(|at| rows.get(at));
            self.tokens.push(names.of(*token));
            self.token_logprobs.push(row.map(|row| finite(row.own.1)));
            self.top_logprobs.push(row.map(|row| Named { row, names }));
            self.text_offset.push(*offset);
            let bytes = names.model.token_bytes(*token);
            // Bytes that continue a character do not begin one.
            *offset += bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
        }
    }
}

/// The chat form's list.
pub(crate) fn chat_log_probs(names: Names<'_>, rows: &[Row]) -> Value {
    let entry = |(id, value): (TokenId, f32)| json!({ "token": names.of(id), "logprob": finite(value), "bytes": names.model.token_bytes(id) });
    let content: Vec<Value> = rows
        .iter()
        .map(|row| {
            let mut own = entry(row.own);
            own["top_logprobs"] = row.top.iter().map(|top| entry(*top)).collect();
            own
        })
        .collect();
    json!({ "content": content })
}

/// A reply around choices.
#[derive(serde::Serialize)]
pub(crate) struct Envelope<'a, C: serde::Serialize> {
    pub(crate) id: &'a str,
    pub(crate) object: &'static str,
    pub(crate) created: u64,
    pub(crate) model: &'a str,
    pub(crate) choices: Vec<C>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) usage: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) egcfg: Option<Value>,
    /// Fields of the request that were ignored; in whole replies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) warnings: Vec<String>,
}

/// A value as the body of a response.
pub(crate) fn json_bytes(value: &impl serde::Serialize) -> Result<Vec<u8>, ApiError> {
    serde_json::to_vec(value).map_err(|error| ApiError::bad(format!("the reply cannot be written: {error}")))
}

/// A body of JSON as a response.
pub(crate) fn response(body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A value as a response.
pub(crate) fn json_response(value: &impl serde::Serialize) -> Result<Response, ApiError> {
    Ok(response(json_bytes(value)?))
}

/// Names in a header the fields that mean nothing here.
pub(crate) fn tell(mut response: Response, ignored: &[String]) -> Response {
    let names: Vec<String> =
        ignored.iter().take(TOLD).map(|name| name.escape_default().to_string()).collect();
    let names = names.join(", ");
    if !names.is_empty()
        && let Ok(value) = HeaderValue::from_str(&names[..names.len().min(TOLD_BYTES)])
    {
        response.headers_mut().insert("x-egcfg-ignored", value);
    }
    response
}

/// As many fields are named at most, in so many bytes.
const TOLD: usize = 32;
const TOLD_BYTES: usize = 1000;

/// What a whole reply says about them.
pub(crate) fn warnings(ignored: &[String]) -> Vec<String> {
    ignored.iter().take(TOLD).map(|name| format!("{name}: means nothing here and was ignored")).collect()
}
