//! Language models behind one trait. A model is asked two things: the next-token log-probabilities along given tokens
//! ([`LanguageModel::score`]) and sampled continuations ([`LanguageModel::sample`]). Requests name their whole context
//! as tokens; what two requests share, an implementation computes once. [`Stream`] is the caller's handle: a growing,
//! forkable, truncatable token list over a model. Tokens, never text, pass between the parts: what was generated is
//! not decoded and encoded again.

mod api;
mod chat;
mod check;
mod dist;
#[cfg(feature = "endpoint")]
mod endpoint;
mod error;
#[cfg(any(feature = "llama", feature = "endpoint"))]
mod guard;
#[cfg(feature = "llama")]
mod llama;
mod progress;
mod random_gguf;
mod sampler;
mod scripted;
mod stop;
mod stream;
mod token;

pub use egcfg_task::{AdapterIdentity, ModelIdentity, ModelKind};

pub use api::{
    Continuation, Encode, KnownReply, LanguageModel, ModelInfo, Sample, SampleRequest, ScoreReply,
    ScoreRequest, StopReason, StopRule, TokenId, TokensRequest, Usage,
};
pub use chat::{ChatError, ChatTemplate, ChatText, Thoughts};
pub use dist::LogProbs;
#[cfg(feature = "endpoint")]
pub use endpoint::{Capabilities, Dialect, EndpointModel, EndpointOptions, Secret};
pub use error::ModelError;
#[cfg(feature = "llama")]
pub use llama::{Adapter, FlashAttention, KvType, LlamaModel, LlamaOptions, convert_to_f32};
pub use random_gguf::RandomLlama;
pub use sampler::{Sampler, uniform};
pub use scripted::{Rule, ScriptedModel};
pub use stop::{HeldText, StopAt, first_stop};
pub use stream::Stream;

/// The embedded model's file, as trained by `tools/pocket`.
#[cfg(feature = "pocket")]
pub static POCKET_GGUF: &[u8] = include_bytes!("../assets/pocket.gguf");
