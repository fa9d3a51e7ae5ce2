//! The trait [`LanguageModel`] and the requests it answers.

use egcfg_task::ModelIdentity;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::dist::LogProbs;
use crate::error::ModelError;
pub use crate::token::TokenId;

/// Facts about a model that its users need.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ModelInfo {
    /// A short name, used in results and folder names.
    pub name: String,
    /// Size of the vocabulary.
    pub vocab: usize,
    /// Context length in tokens, prompt and answer together.
    pub context: usize,
    /// Every token that ends generation.
    pub end_tokens: Vec<TokenId>,
    /// The beginning-of-sequence token that a prompt starts with, for models that want one.
    pub bos: Option<TokenId>,
    /// The token that ends a text, where the model's file names it; [`ModelInfo::end_of_text`] asks for it.
    pub eos: Option<TokenId>,
    /// The model's own chat template (Jinja), if its file carries one.
    pub chat_template: Option<String>,
    /// Name of the prompt template that the file asks for (`egcfg.prompt_template`), if it does.
    pub prompt_template: Option<String>,
    /// How many parameters it has, where that is known.
    pub parameters: Option<u64>,
    /// Other facts worth printing (architecture, parameters, quantisation, training hashes), in order.
    pub details: Vec<(String, String)>,
}

impl ModelInfo {
    /// The token that ends a text, as chat templates write it: the one that the model's file names, or its only end token.
    pub fn end_of_text(&self) -> Option<TokenId> {
        match self.end_tokens[..] {
            _ if self.eos.is_some() => self.eos,
            [only] => Some(only),
            _ => None,
        }
    }
}

/// How a text is to be encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encode {
    /// Special tokens stand for themselves as plain characters: for anything a user or a program wrote.
    Plain,
    /// Special tokens written in the text are recognised: for templates only.
    Template,
}

/// Asks for next-token distributions along one or more continuations of a shared context.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScoreRequest {
    /// Tokens that precede everything asked for; never empty. What is cached of it is not computed again.
    pub context: Vec<TokenId>,
    /// Continuations to verify, each token of which is forced. Shared prefixes are computed once. May be empty.
    pub drafts: Vec<Vec<TokenId>>,
}

/// The answer to a [`ScoreRequest`].
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreReply {
    /// The distribution after the context.
    pub next: LogProbs,
    /// Per draft, per token: the distribution after that token.
    pub after: Vec<Vec<LogProbs>>,
    /// What the answer cost.
    pub usage: Usage,
}

/// When a continuation ends. End-of-generation tokens always end it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StopRule {
    /// At most this many tokens in this request.
    pub max_tokens: usize,
    /// After this many newlines in this request's text; the token that holds the last one is kept whole.
    pub newlines: Option<usize>,
    /// As soon as the continuation's text (its prefix in [`Continuation::tail`] included) holds one of these; the token that
    /// completes it is kept whole.
    pub texts: Vec<String>,
}

/// One continuation to sample.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Continuation {
    /// Tokens of this continuation that stand already, after the request's context.
    pub prefix: Vec<TokenId>,
    /// Text (the last few characters suffice) before the first new token, so that a stop text may straddle it.
    pub tail: String,
    /// Seed of this continuation's random numbers. The draw for the token at index i of the whole continuation (prefix
    /// included) depends on `seed` and i alone: lengthening later gives what sampling at once would have given.
    pub seed: u64,
    /// When to end.
    pub stop: StopRule,
}

/// Asks for sampled continuations of one context.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleRequest {
    /// Tokens that precede every continuation; never empty.
    pub context: Vec<TokenId>,
    /// What to continue, each on its own.
    pub continuations: Vec<Continuation>,
    /// Sampling temperature; 0 takes the most probable token (ties: lowest id).
    pub temperature: f64,
    /// Nucleus: the smallest set of most probable tokens whose tempered probability reaches this; 1 keeps all.
    pub top_p: f64,
    /// Whether to return the distribution that stood before every sampled token (untempered).
    pub want_distributions: bool,
}

/// Why a continuation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// An end-of-generation token (it is the last of the tokens).
    EndOfText,
    /// The rule's number of newlines.
    Newlines,
    /// A stop text.
    Text,
    /// The rule's or the context's token limit.
    Length,
}

/// One sampled continuation.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The new tokens (prefix not included).
    pub tokens: Vec<TokenId>,
    /// The untempered distribution before each new token, where it was asked for; else empty.
    pub distributions: Vec<LogProbs>,
    /// Untempered log-probability of each new token.
    pub log_probs: Vec<f32>,
    /// Why it ended.
    pub stop: StopReason,
}

/// The cost of a request, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens put through the model for this request.
    pub computed: usize,
    /// Context tokens whose cached state was reused.
    pub cached: usize,
    /// Requests to a server that ran the model; 0 for a model in this process.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub requests: usize,
    /// Requests to a server that only turned text into tokens or back.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lookups: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.computed += other.computed;
        self.cached += other.cached;
        self.requests += other.requests;
        self.lookups += other.lookups;
    }
}

/// Asks for the log-probabilities of certain tokens after a context, whatever their rank.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TokensRequest {
    /// Tokens that precede; never empty.
    pub context: Vec<TokenId>,
    /// The tokens in question.
    pub tokens: Vec<TokenId>,
}

/// What is known about the tokens of each [`TokensRequest`], and what finding out cost; `None` from a model that cannot be
/// asked.
pub type KnownReply = Option<(Vec<LogProbs>, Usage)>;

/// A causal language model. Methods return boxed futures, so that a model can be chosen at run time.
pub trait LanguageModel: Send + Sync {
    /// Facts about the model.
    fn info(&self) -> &ModelInfo;

    /// Which model this is, by its weights rather than its name; what results are stored under. The first call may read the
    /// whole model file, so it blocks. The default is that of a model made of code.
    fn identity(&self) -> Result<ModelIdentity, ModelError> {
        Ok(ModelIdentity::scripted(&self.info().name))
    }

    /// Encodes a text. No beginning-of-sequence token is added: that is [`ModelInfo::bos`], once per prompt.
    fn encode(&self, text: &str, how: Encode) -> Result<Vec<TokenId>, ModelError>;

    /// The bytes of one token; empty for control tokens and unknown ids. A token need not be whole UTF-8.
    fn token_bytes(&self, token: TokenId) -> &[u8];

    /// Next-token distributions along the drafts of one context, in one engine call.
    fn score(&self, request: ScoreRequest) -> BoxFuture<'_, Result<ScoreReply, ModelError>>;

    /// Sampled continuations, in the request's order.
    fn sample(&self, request: SampleRequest) -> BoxFuture<'_, Result<(Vec<Sample>, Usage), ModelError>>;

    /// Scores several requests together; an engine with batches carries them in one call.
    fn score_all(&self, requests: Vec<ScoreRequest>) -> BoxFuture<'_, Result<Vec<ScoreReply>, ModelError>> {
        Box::pin(async move {
            futures::future::try_join_all(requests.into_iter().map(|request| self.score(request))).await
        })
    }

    /// What a model that answers with lists knows about certain tokens, all requests in one call. `None` where it cannot be
    /// asked, which includes every model whose distributions are whole. A reply may leave tokens out.
    fn known_log_probs(
        &self,
        _requests: Vec<TokensRequest>,
    ) -> BoxFuture<'_, Result<KnownReply, ModelError>> {
        Box::pin(std::future::ready(Ok(None)))
    }
}
