//! What a user may choose about the local engine. Every choice has a default that depends on the model where it should.

use std::path::PathBuf;

use crate::llama::adapter::Adapter;

/// Number format of cached keys and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KvType {
    /// Half precision: half the memory; what models are usually run with.
    F16,
    /// Single precision: for exactness tests.
    F32,
}

/// Whether attention is computed in one fused pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FlashAttention {
    /// llama.cpp decides by model and device.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// How to load and run a model file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LlamaOptions {
    /// The GGUF file.
    pub path: PathBuf,
    /// Context length in tokens of one request, prompt and answer together; default: what the model was trained for, at
    /// most 8192.
    pub context: Option<usize>,
    /// Tokens whose state the cache holds, over all requests together; default: twice the context, at least 4096.
    pub cache_tokens: Option<usize>,
    /// Threads for the computation; default by the model's size and the machine.
    pub threads: Option<usize>,
    /// Layers to put on an accelerator; default: all where one was compiled in, else none.
    pub gpu_layers: Option<u32>,
    /// Sequences (running and cached) at a time, at most 256; default 64.
    pub max_sequences: Option<usize>,
    /// Tokens per computed batch; default 512.
    pub batch: Option<usize>,
    /// Number format of the cache; default by the model's size.
    pub kv_type: Option<KvType>,
    /// Fused attention.
    pub flash_attention: FlashAttention,
    /// Adapters that change the weights, all of them together.
    pub adapters: Vec<Adapter>,
}

impl LlamaOptions {
    /// All defaults for a file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), ..Self::default() }
    }

    /// Exact arithmetic as far as the file allows it: single-precision cache, plain attention, one thread.
    #[must_use]
    pub fn exact(mut self) -> Self {
        self.kv_type = Some(KvType::F32);
        self.flash_attention = FlashAttention::Off;
        self.threads = Some(1);
        self
    }

    pub(crate) fn max_sequences(&self) -> usize {
        self.max_sequences.unwrap_or(64).clamp(1, 256)
    }

    pub(crate) fn batch(&self) -> usize {
        self.batch.unwrap_or(512).max(1)
    }
}
