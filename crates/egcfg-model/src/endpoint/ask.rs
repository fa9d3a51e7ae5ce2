//! What is asked of a server and what comes back, apart from any dialect, and how the values of a reply are read.

use serde_json::Value;

use crate::dist::LogProbs;
use crate::endpoint::pieces::Pieces;
use crate::endpoint::tokenizer::MOST_TOKENS;
use crate::token::TokenId;

/// How one prompt's tokens are drawn, for servers that draw as this program does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Draw {
    pub(crate) seed: u64,
    /// Tokens at the prompt's end that belong to the continuation already.
    pub(crate) standing: usize,
    pub(crate) tail: String,
    pub(crate) newlines: Option<usize>,
    pub(crate) max_tokens: usize,
}

/// One request for completions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ask {
    pub(crate) prompts: Vec<Vec<TokenId>>,
    /// Completions per prompt.
    pub(crate) n: usize,
    pub(crate) max_tokens: usize,
    pub(crate) temperature: f64,
    pub(crate) top_p: f64,
    pub(crate) seed: Option<u64>,
    pub(crate) stop: Vec<String>,
    /// Length of the lists wanted; 0 for none.
    pub(crate) top: usize,
    /// Per prompt, the first position whose distribution is wanted; empty where no prompt distributions are.
    pub(crate) prompt_from: Vec<usize>,
    /// Tokens whose numbers are wanted whatever their rank.
    pub(crate) tokens: Vec<TokenId>,
    /// One per prompt; this program's own server only.
    pub(crate) draws: Vec<Draw>,
    /// Lists of this length hold the whole vocabulary.
    pub(crate) vocab: Option<usize>,
}

/// Why a completion ended, as the server says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finish {
    /// An end token or a stop text.
    Stop,
    /// The limit.
    Length,
}

/// One completion.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) tokens: Vec<TokenId>,
    /// The distribution before each token, where lists were asked for.
    pub(crate) rows: Vec<LogProbs>,
    /// Log-probability of each token.
    pub(crate) log_probs: Vec<f32>,
    /// Distributions at the prompt's positions from `prompt_from` on.
    pub(crate) prompt_rows: Vec<LogProbs>,
    pub(crate) finish: Finish,
}

/// All completions of a request, those of one prompt side by side, and what the server says they cost.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) choices: Vec<Choice>,
    /// Prompt and generated tokens, where told.
    pub(crate) tokens: usize,
    /// Prompt tokens from its cache, where told.
    pub(crate) cached: Option<usize>,
}

/// Servers round: a certain token may come out a little above 0.
pub(crate) fn is_log_prob(number: f32) -> bool {
    !number.is_nan() && number <= 1e-3
}

/// A list of a server as a distribution. Numbers that stand for minus infinity become that.
pub(crate) fn list(entries: Vec<(TokenId, f32)>, ask: &Ask) -> Result<LogProbs, String> {
    if entries.is_empty() {
        return Err("an empty list of log-probabilities".to_owned());
    }
    if let Some((id, bad)) = entries.iter().find(|(_, number)| !is_log_prob(*number)) {
        return Err(format!("token {id} has {bad}, which is no log-probability"));
    }
    let whole = ask.vocab.is_some_and(|vocab| entries.len() >= vocab);
    let entries = entries
        .into_iter()
        .map(|(id, number)| (id, if number <= -9999.0 { f32::NEG_INFINITY } else { number.min(0.0) }));
    Ok(if whole { LogProbs::from_whole(entries) } else { LogProbs::from_top(entries) })
}

/// A token id of a reply.
pub(crate) fn token_id(value: &Value) -> Result<TokenId, String> {
    let id = value.as_u64().filter(|id| (*id as usize) < MOST_TOKENS);
    id.map(|id| id as TokenId).ok_or_else(|| format!("{value} is no token id"))
}

/// A number of a reply; JSON has no infinities, so some servers write `null` for minus infinity.
pub(crate) fn number(value: &Value) -> Result<f32, String> {
    match value {
        Value::Null => Ok(f32::NEG_INFINITY),
        value => value.as_f64().map(|x| x as f32).ok_or_else(|| format!("{value} is no number")),
    }
}

/// An array of a reply.
pub(crate) fn array<'v>(value: &'v Value, name: &str) -> Result<&'v Vec<Value>, String> {
    value[name].as_array().ok_or_else(|| format!("no {name}"))
}

/// One server's form: where it is asked, how a request is written, how a reply is read.
pub(crate) trait Wire: Sync {
    /// Path under the server's root (with a leading slash), or under the API's base (without).
    fn path(&self) -> &'static str;

    /// The request. `ids` says whether a form of text may be sent token ids.
    fn body(&self, ask: &Ask, model: &str, pieces: &Pieces, ids: bool) -> Value;

    /// The reply; what is wrong with it in words.
    fn read(&self, reply: &Value, ask: &Ask, pieces: &Pieces) -> Result<Answer, String>;
}
