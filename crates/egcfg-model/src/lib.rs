//! Language models behind one trait. A model is asked two things: the next-token log-probabilities along given tokens
//! ([`LanguageModel::score`]) and sampled continuations ([`LanguageModel::sample`]). Requests name their whole context
//! as tokens; what two requests share, an implementation computes once. [`Stream`] is the caller's handle: a growing,
//! forkable, truncatable token list over a model. Tokens, never text, pass between the parts: what was generated is
//! not decoded and encoded again.

mod api;
mod check;
mod dist;
mod error;
mod progress;
mod sampler;
mod scripted;
mod stop;
mod stream;

pub use api::{
    Continuation, Encode, LanguageModel, ModelInfo, Sample, SampleRequest, ScoreReply, ScoreRequest,
    StopReason, StopRule, TokenId, Usage,
};
pub use dist::LogProbs;
pub use error::ModelError;
pub use sampler::{Sampler, uniform};
pub use scripted::{Rule, ScriptedModel};
pub use stream::Stream;
