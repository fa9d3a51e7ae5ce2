//! The prompts of a request: read and held against the limits at once, made into tokens later, inside a work slot.

use egcfg_model::{Encode, LanguageModel, TokenId};
use serde_json::Value;

use crate::app::App;
use crate::error::ApiError;
use crate::fields::{Fields, token_ids};

/// Prompts as they came.
#[derive(Debug)]
pub(crate) struct Prompts {
    list: Vec<Prompt>,
    /// A text begins with the model's token for a beginning.
    special: bool,
    how: Encode,
}

#[derive(Debug)]
enum Prompt {
    Text(String),
    Ids(Vec<TokenId>),
}

impl Prompts {
    /// Reads `prompt`: a string, strings, token ids, or lists of them.
    pub(crate) fn read(app: &App, fields: &mut Fields) -> Result<Self, ApiError> {
        let (vocab, most) = (app.model().info().vocab, app.limits().prompts);
        let parse = fields.flag_or_none("parse_special")?.unwrap_or(true);
        let special = fields.flag_or_none("add_special_tokens")?.unwrap_or(true);
        let how = if parse { Encode::Template } else { Encode::Plain };
        let list = match fields.take("prompt") {
            None => return Err(fields.error("prompt", "is missing")),
            Some(Value::String(text)) => vec![Prompt::Text(text)],
            Some(Value::Array(list)) if list.is_empty() => return Err(fields.error("prompt", "is empty")),
            Some(Value::Array(list)) if list.iter().all(Value::is_number) => {
                vec![Prompt::Ids(token_ids("prompt", &list, vocab)?)]
            }
            Some(Value::Array(list)) if list.len() > most => {
                let message = format!("{} prompts are above the limit of {most}", list.len());
                return Err(fields.error("prompt", message));
            }
            Some(Value::Array(list)) => list
                .into_iter()
                .map(|prompt| match prompt {
                    Value::String(text) => Ok(Prompt::Text(text)),
                    Value::Array(ids) => Ok(Prompt::Ids(token_ids("prompt", &ids, vocab)?)),
                    _ => Err(fields.error("prompt", "expected strings or lists of token ids")),
                })
                .collect::<Result<_, _>>()?,
            Some(_) => {
                return Err(fields.error("prompt", "expected a string, token ids, or a list of either"));
            }
        };
        for prompt in &list {
            match prompt {
                Prompt::Text(text) => app.check_size("prompt", text.len())?,
                Prompt::Ids(ids) => check_length(app, ids)?,
            }
        }
        Ok(Self { list, special, how })
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Makes tokens of them. May take long.
    pub(crate) fn encode(self, app: &App) -> Result<Vec<Vec<TokenId>>, ApiError> {
        let model: &dyn LanguageModel = app.model();
        let bos = model.info().bos.filter(|_| self.special);
        let encode = |prompt| match prompt {
            Prompt::Ids(ids) => Ok(ids),
            Prompt::Text(text) => {
                let mut tokens: Vec<TokenId> = bos.into_iter().collect();
                let encoded = model.encode(&text, self.how);
                tokens.extend(encoded.map_err(|error| ApiError::field("prompt", error.to_string()))?);
                check_length(app, &tokens)?;
                Ok(tokens)
            }
        };
        self.list.into_iter().map(encode).collect()
    }
}

fn check_length(app: &App, tokens: &[TokenId]) -> Result<(), ApiError> {
    let most = app.limits().prompt_tokens;
    if tokens.is_empty() {
        return Err(ApiError::field("prompt", "is empty"));
    }
    if tokens.len() <= most {
        return Ok(());
    }
    let message = format!("{} tokens are above the limit of {most}", tokens.len());
    Err(ApiError::field("prompt", message).code("context_length_exceeded"))
}
