//! What is asked of a server and what comes back, apart from any dialect; and the checks that every reply has to pass. Each
//! dialect turns an [`Ask`] into a path and a JSON body and the reply's JSON into [`Choice`]s.

use serde_json::Value;

use crate::api::TokenId;
use crate::dist::LogProbs;
use crate::endpoint::pieces::{MOST_TOKENS, Pieces};
use crate::endpoint::{wire_llama, wire_openai, wire_sglang};

/// How a server wants to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `egcfg serve`: the completions form with token ids, and draws that are seeded token by token.
    Egcfg,
    /// vLLM's completions: token ids both ways, prompt log-probabilities.
    Vllm,
    /// SGLang's `/generate`: token ids both ways, prompt log-probabilities from a given position on.
    Sglang,
    /// llama.cpp's `/completion`: token ids both ways, lists of any length.
    LlamaCpp,
    /// The plain completions form: text both ways.
    OpenAi,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Egcfg, Self::Vllm, Self::Sglang, Self::LlamaCpp, Self::OpenAi];

    /// Its name in addresses and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Egcfg => "egcfg",
            Self::Vllm => "vllm",
            Self::Sglang => "sglang",
            Self::LlamaCpp => "llama.cpp",
            Self::OpenAi => "openai",
        }
    }

    /// The dialect of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.name() == name)
    }

    /// Path under the server's root (with a leading slash), or under the API's base (without).
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Egcfg | Self::Vllm | Self::OpenAi => "completions",
            Self::Sglang => "/generate",
            Self::LlamaCpp => "/completion",
        }
    }

    /// The request. `ids` says whether the plain form may be sent token ids.
    pub(crate) fn body(self, ask: &Ask, model: &str, pieces: &Pieces, ids: bool) -> Value {
        match self {
            Self::OpenAi => {
                let ids = ids && ask.prompts.iter().all(|prompt| pieces.of_vocabulary(prompt));
                wire_openai::body(self, ask, model, pieces, ids)
            }
            Self::Egcfg | Self::Vllm => wire_openai::body(self, ask, model, pieces, true),
            Self::Sglang => wire_sglang::body(ask),
            Self::LlamaCpp => wire_llama::body(ask),
        }
    }

    pub(crate) fn read(self, reply: &Value, ask: &Ask, pieces: &Pieces) -> Result<Answer, String> {
        let answer = match self {
            Self::Egcfg | Self::Vllm | Self::OpenAi => wire_openai::read(self, reply, ask, pieces),
            Self::Sglang => wire_sglang::read(reply, ask, pieces),
            Self::LlamaCpp => wire_llama::read(reply, ask, pieces),
        }?;
        check(&answer, ask)?;
        Ok(answer)
    }
}

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

/// What every reply must satisfy, whoever sent it.
fn check(answer: &Answer, ask: &Ask) -> Result<(), String> {
    let wanted = ask.prompts.len() * ask.n.max(1);
    if answer.choices.len() != wanted {
        return Err(format!("{wanted} completions were asked for and {} came", answer.choices.len()));
    }
    for (index, choice) in answer.choices.iter().enumerate() {
        if ask.top > 0 && choice.rows.len() != choice.tokens.len() {
            return Err(format!(
                "completion {index} has {} tokens but {} lists of log-probabilities",
                choice.tokens.len(),
                choice.rows.len()
            ));
        }
        if choice.log_probs.len() != choice.tokens.len() {
            return Err(format!("completion {index} lacks log-probabilities of its tokens"));
        }
        let prompt = index / ask.n.max(1);
        if let Some(from) = ask.prompt_from.get(prompt) {
            let expected = ask.prompts[prompt].len() - from;
            if choice.prompt_rows.len() != expected {
                return Err(format!(
                    "prompt {prompt} has {expected} positions to score but {} came back",
                    choice.prompt_rows.len()
                ));
            }
        }
        if let Some(bad) = choice.log_probs.iter().find(|number| !is_log_prob(**number)) {
            return Err(format!("completion {index} holds {bad}, which is no log-probability"));
        }
    }
    Ok(())
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
