//! The engine's view of the hardware: a batch of tokens goes in, next-token logits come out. The implementation over
//! llama.cpp is here; tests of the engine's logic bring their own.

use llama_cpp_2::DecodeError;
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::token::LlamaToken;

use crate::api::TokenId;
use crate::llama::cache::Memory;

/// Why a batch was not computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ComputeError {
    /// No room in the key-value memory; nothing has changed.
    Full,
    /// Anything else; the memory's contents are unknown.
    Fatal(String),
}

/// Computes batches. Tokens are added with their position, their sequences and whether their logits are wanted.
pub(crate) trait Device: Memory {
    /// Starts a new batch.
    fn clear(&mut self);
    /// Adds a token.
    fn add(
        &mut self,
        token: TokenId,
        position: usize,
        sequences: &[usize],
        want: bool,
    ) -> Result<(), ComputeError>;
    /// Computes the batch. It stays, so that it can be tried again after [`ComputeError::Full`].
    fn compute(&mut self) -> Result<(), ComputeError>;
    /// Logits after the batch's i-th token, which were wanted. Overwritten by the next batch.
    fn logits(&self, index: usize) -> &[f32];
}

/// llama.cpp's context as a device.
pub(crate) struct LlamaDevice<'m> {
    context: LlamaContext<'m>,
    batch: LlamaBatch<'static>,
    ids: Vec<i32>,
    /// A memory operation that failed; told with the next batch.
    broken: Option<String>,
}

impl<'m> LlamaDevice<'m> {
    pub(crate) fn new(context: LlamaContext<'m>, batch: usize, sequences: usize) -> Self {
        Self { context, batch: LlamaBatch::new(batch, narrow(sequences)), ids: Vec::new(), broken: None }
    }
}

impl Memory for LlamaDevice<'_> {
    fn fork(&mut self, from: usize, to: usize, len: usize) {
        if let Err(error) = self.context.copy_kv_cache_seq(narrow(from), narrow(to), None, Some(len as u32)) {
            self.broken = Some(format!("sharing a cached sequence failed: {error}"));
        }
    }

    fn keep(&mut self, sequence: usize, len: usize) {
        match self.context.clear_kv_cache_seq(Some(sequence as u32), Some(len as u32), None) {
            Ok(true) => {}
            Ok(false) => self.broken = Some("this model cannot shorten a cached sequence".to_owned()),
            Err(error) => self.broken = Some(format!("shortening a cached sequence failed: {error}")),
        }
    }
}

impl Device for LlamaDevice<'_> {
    fn clear(&mut self) {
        self.batch.clear();
    }

    fn add(
        &mut self,
        token: TokenId,
        position: usize,
        sequences: &[usize],
        want: bool,
    ) -> Result<(), ComputeError> {
        self.ids.clear();
        self.ids.extend(sequences.iter().map(|id| narrow(*id)));
        self.batch
            .add(LlamaToken(token.cast_signed()), narrow(position), &self.ids, want)
            .map_err(|error| ComputeError::Fatal(format!("the batch took no more tokens: {error}")))
    }

    fn compute(&mut self) -> Result<(), ComputeError> {
        if let Some(reason) = self.broken.take() {
            return Err(ComputeError::Fatal(reason));
        }
        match self.context.decode(&mut self.batch) {
            Ok(()) => Ok(()),
            Err(DecodeError::NoKvCacheSlot) => Err(ComputeError::Full),
            Err(error) => {
                let said = crate::llama::log::last_lines().pop().unwrap_or_default();
                Err(ComputeError::Fatal(format!(
                    "llama.cpp could not compute a batch: {error}; it said: {said}"
                )))
            }
        }
    }

    fn logits(&self, index: usize) -> &[f32] {
        self.context.get_logits_ith(narrow(index))
    }
}

/// Counts in llama.cpp's type; all of them are bounded by the context's sizes.
fn narrow(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
