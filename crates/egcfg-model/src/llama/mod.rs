//! The local engine: any GGUF file through llama.cpp. [`LlamaModel`] is the handle that callers share; behind it one
//! thread owns the weights' context and merges what all callers ask for into common batches.

mod adapter;
mod batch;
mod cache;
mod convert;
mod distribute;
mod encode;
mod engine;
#[cfg(test)]
mod engine_tests;
mod identity;
mod info;
mod job;
mod load;
mod log;
mod model;
mod options;
mod plan;
mod thread;
mod tree;

pub use adapter::Adapter;
pub use convert::convert_to_f32;
pub use model::LlamaModel;
pub use options::{FlashAttention, KvType, LlamaOptions};
