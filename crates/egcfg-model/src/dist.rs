//! A next-token distribution as log-probabilities.

use std::sync::Arc;

use crate::api::TokenId;

/// Natural-log probabilities over the whole vocabulary: one finite or `-inf` number per token id, normalised. Cheap to
/// clone.
#[derive(Debug, Clone, PartialEq)]
pub struct LogProbs(Arc<[f32]>);

impl LogProbs {
    /// Normalises raw logits: `logits[i] - ln(sum(exp(logits)))`, accumulated in f64.
    pub fn from_logits(logits: &[f32]) -> Self {
        let shift = log_sum_exp(logits);
        Self(logits.iter().map(|x| (f64::from(*x) - shift) as f32).collect())
    }

    /// Wraps numbers that are log-probabilities already.
    pub fn from_log_probs(values: impl Into<Arc<[f32]>>) -> Self {
        Self(values.into())
    }

    /// The numbers, indexed by token id.
    pub fn values(&self) -> &[f32] {
        &self.0
    }

    /// Log-probability of one token; `-inf` for an id outside the vocabulary.
    pub fn get(&self, token: TokenId) -> f32 {
        self.0.get(token as usize).copied().unwrap_or(f32::NEG_INFINITY)
    }

    /// The most probable token; of equals, the lowest id.
    pub fn argmax(&self) -> TokenId {
        let mut best = 0;
        for (id, value) in self.0.iter().enumerate() {
            if *value > self.0[best] {
                best = id;
            }
        }
        best as TokenId
    }
}

/// The same normalisation into memory that is reused.
#[cfg(feature = "llama")]
pub(crate) fn normalise_into(out: &mut Vec<f32>, logits: &[f32]) {
    let shift = log_sum_exp(logits);
    out.clear();
    out.extend(logits.iter().map(|x| (f64::from(*x) - shift) as f32));
}

fn log_sum_exp(logits: &[f32]) -> f64 {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|x| f64::from(x - max).exp()).sum();
    f64::from(max) + sum.ln()
}
