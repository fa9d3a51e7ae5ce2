//! The engine's thread: how its context is made, what it holds, its whole life.

use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, OnceLock};

use llama_cpp_2::context::params::{KvCacheType, LlamaContextParams};
use llama_cpp_2::model::{LlamaLoraAdapter, LlamaModel as Weights};
use llama_cpp_sys_2::{
    LLAMA_FLASH_ATTN_TYPE_AUTO, LLAMA_FLASH_ATTN_TYPE_DISABLED, LLAMA_FLASH_ATTN_TYPE_ENABLED,
};

use crate::error::ModelError;
use crate::llama::batch::LlamaDevice;
use crate::llama::engine::{Engine, Limits};
use crate::llama::info::Vocabulary;
use crate::llama::job::Message;
use crate::llama::load;
use crate::llama::options::{FlashAttention, KvType};

/// Models up to this many parameters run on one thread: their layers are shorter than waking a second one.
const ONE_THREAD_PARAMETERS: u64 = 20_000_000;
/// More threads than this are seldom faster: memory is the limit then.
const MOST_THREADS: usize = 16;

/// The engine thread's whole life.
#[expect(clippy::too_many_arguments, reason = "what the thread owns, named once")]
pub(super) fn serve(
    weights: &Weights,
    adapter: Option<LlamaLoraAdapter>,
    vocabulary: Arc<Vocabulary>,
    limits: Limits,
    params: LlamaContextParams,
    inbox: &Receiver<Message>,
    ready: &Sender<Result<(), String>>,
    failure: &OnceLock<ModelError>,
) {
    let context = load::backend()
        .map_err(|error| error.to_string())
        .and_then(|backend| weights.new_context(backend, params).map_err(|error| error.to_string()));
    let context = context.and_then(|mut context| match adapter {
        // Its scale is in its numbers.
        Some(mut adapter) => match context.lora_adapter_set(&mut adapter, 1.0) {
            Ok(()) => Ok(context),
            Err(error) => Err(error.to_string()),
        },
        None => Ok(context),
    });
    let context = match context {
        Ok(context) => context,
        Err(error) => {
            let said = crate::llama::log::last_lines().join("; ");
            drop(ready.send(Err(format!("llama.cpp could not make a context: {error}; {said}"))));
            return;
        }
    };
    drop(ready.send(Ok(())));
    let device = LlamaDevice::new(context, limits.batch, limits.sequences);
    let mut engine = Engine::new(device, vocabulary, limits);
    let end = catch_unwind(AssertUnwindSafe(|| engine.run(inbox)));
    let error = match end {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error,
        Err(panic) => {
            let what = panic.downcast_ref::<String>().map(String::as_str);
            let what = what.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("unknown panic");
            ModelError::Engine(what.to_owned())
        }
    };
    let error = failure.get_or_init(|| error);
    // Jobs in work are answered by their dropped senders; whatever comes later, here.
    drop(engine);
    for message in inbox {
        message.refuse(error);
    }
}

/// How a context is made for these limits.
pub(super) fn context_params(
    flash: FlashAttention,
    kv: KvType,
    limits: Limits,
    threads: usize,
) -> LlamaContextParams {
    let kv = match kv {
        KvType::F16 => KvCacheType::F16,
        KvType::F32 => KvCacheType::F32,
    };
    // Fused attention over an f32 cache was measured to take a hundred times as long per step on a CPU.
    let flash = match flash {
        FlashAttention::Auto if matches!(kv, KvCacheType::F32) => LLAMA_FLASH_ATTN_TYPE_DISABLED,
        FlashAttention::Auto => LLAMA_FLASH_ATTN_TYPE_AUTO,
        FlashAttention::On => LLAMA_FLASH_ATTN_TYPE_ENABLED,
        FlashAttention::Off => LLAMA_FLASH_ATTN_TYPE_DISABLED,
    };
    let threads = i32::try_from(threads).unwrap_or(1).max(1);
    // One buffer for all sequences, or forks would not share cells; full-size windows, or they could not be shortened.
    LlamaContextParams::default()
        .with_n_ctx(NonZeroU32::new(limits.cells as u32))
        .with_n_batch(limits.batch as u32)
        .with_n_ubatch(limits.batch as u32)
        .with_n_seq_max(limits.sequences as u32)
        .with_n_threads(threads)
        .with_n_threads_batch(threads)
        .with_kv_unified(true)
        .with_swa_full(true)
        .with_no_perf(true)
        .with_type_k(kv)
        .with_type_v(kv)
        .with_flash_attention_policy(flash)
}

/// Bytes of keys and values for so many tokens: two vectors per layer, shared by grouped heads.
pub(super) fn cache_bytes(weights: &Weights, cells: usize, kv: KvType) -> u64 {
    let width = match kv {
        KvType::F16 => 2,
        KvType::F32 => 4,
    };
    let embedding = u64::try_from(weights.n_embd()).unwrap_or(0);
    let heads = u64::from(weights.n_head()).max(1);
    let per_layer = 2 * embedding * u64::from(weights.n_head_kv()).max(1) / heads;
    u64::from(weights.n_layer()) * per_layer * width * cells as u64
}

/// One core is left to the programs that a run executes beside the model.
pub(super) fn default_threads(parameters: u64) -> usize {
    if parameters <= ONE_THREAD_PARAMETERS {
        return 1;
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    cores.saturating_sub(1).clamp(1, MOST_THREADS)
}
