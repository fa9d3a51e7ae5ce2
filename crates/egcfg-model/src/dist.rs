//! A next-token distribution as log-probabilities: over the whole vocabulary where the model is at hand, and as the list of
//! the most probable tokens where a server sends no more than that.

use std::sync::Arc;

use crate::token::TokenId;

/// Natural-log probabilities of next tokens, normalised over the whole vocabulary. Cheap to clone.
///
/// A *dense* one has a finite or `-inf` number per token id. A *sparse* one has numbers for some tokens, the most probable
/// ones among them, and an upper bound for each of the others.
#[derive(Debug, Clone, PartialEq)]
pub struct LogProbs(Repr);

#[derive(Debug, Clone, PartialEq)]
enum Repr {
    Dense(Arc<[f32]>),
    Sparse(Arc<Sparse>),
}

#[derive(Debug, Clone, PartialEq)]
struct Sparse {
    /// By ascending id, no id twice.
    entries: Vec<(TokenId, f32)>,
    /// No token outside the list is more probable than this; `-inf` for a list of the whole vocabulary.
    rest: f32,
}

impl LogProbs {
    /// Normalises raw logits: `logits[i] - ln(sum(exp(logits)))`, accumulated in f64.
    pub fn from_logits(logits: &[f32]) -> Self {
        let shift = log_sum_exp(logits);
        Self(Repr::Dense(logits.iter().map(|x| (f64::from(*x) - shift) as f32).collect()))
    }

    /// Wraps numbers that are log-probabilities already.
    pub fn from_log_probs(values: impl Into<Arc<[f32]>>) -> Self {
        Self(Repr::Dense(values.into()))
    }

    /// A list of the most probable tokens with their log-probabilities, in any order (of an id given twice, the larger number
    /// counts). A token that is not listed is at most as probable as the least probable of the list, and than what the list
    /// leaves of the whole.
    pub fn from_top(entries: impl IntoIterator<Item = (TokenId, f32)>) -> Self {
        let entries = sorted(entries);
        let smallest = entries.iter().map(|(_, value)| *value).fold(f32::INFINITY, f32::min);
        let rest = if smallest == f32::INFINITY { 0.0 } else { smallest.min(remainder(&entries)) };
        Self(Repr::Sparse(Arc::new(Sparse { entries, rest })))
    }

    /// A list that leaves nothing out: a token that is not in it is impossible.
    pub fn from_whole(entries: impl IntoIterator<Item = (TokenId, f32)>) -> Self {
        Self(Repr::Sparse(Arc::new(Sparse { entries: sorted(entries), rest: f32::NEG_INFINITY })))
    }

    /// The same distribution with further tokens known, whatever their probability; the bound of the others stays.
    #[must_use]
    pub fn with_known(&self, more: impl IntoIterator<Item = (TokenId, f32)>) -> Self {
        match &self.0 {
            Repr::Dense(_) => self.clone(),
            Repr::Sparse(sparse) => {
                let fresh = more.into_iter().filter(|(id, _)| sparse.find(*id).is_none());
                let entries = sorted(sparse.entries.iter().copied().chain(fresh));
                Self(Repr::Sparse(Arc::new(Sparse { entries, rest: sparse.rest })))
            }
        }
    }

    /// The numbers of a dense distribution, indexed by token id; empty for a sparse one.
    pub fn values(&self) -> &[f32] {
        match &self.0 {
            Repr::Dense(values) => values,
            Repr::Sparse(_) => &[],
        }
    }

    /// Whether tokens may be missing from it.
    pub fn is_sparse(&self) -> bool {
        matches!(self.0, Repr::Sparse(_))
    }

    /// What is known, by ascending token id.
    pub fn entries(&self) -> Box<dyn Iterator<Item = (TokenId, f32)> + '_> {
        match &self.0 {
            Repr::Dense(values) => {
                Box::new(values.iter().enumerate().map(|(id, value)| (id as TokenId, *value)))
            }
            Repr::Sparse(sparse) => Box::new(sparse.entries.iter().copied()),
        }
    }

    /// The `n` most probable tokens known, best first; of equals, the lower id first.
    pub fn top(&self, n: usize) -> Vec<(TokenId, f32)> {
        let mut all: Vec<(TokenId, f32)> = self.entries().collect();
        let order = |a: &(TokenId, f32), b: &(TokenId, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if n < all.len() && n > 0 {
            all.select_nth_unstable_by(n - 1, order);
        }
        all.truncate(n);
        all.sort_unstable_by(order);
        all
    }

    /// Log-probability of a token where it is known. An id outside a dense vocabulary is known to be impossible.
    pub fn known(&self, token: TokenId) -> Option<f32> {
        match &self.0 {
            Repr::Dense(values) => Some(values.get(token as usize).copied().unwrap_or(f32::NEG_INFINITY)),
            Repr::Sparse(sparse) => {
                sparse.find(token).or((sparse.rest == f32::NEG_INFINITY).then_some(f32::NEG_INFINITY))
            }
        }
    }

    /// Upper bound of the log-probability of every token that is not known; `-inf` where all are.
    pub fn rest(&self) -> f32 {
        match &self.0 {
            Repr::Dense(_) => f32::NEG_INFINITY,
            Repr::Sparse(sparse) => sparse.rest,
        }
    }

    /// Log-probability of one token; its upper bound where it is not known, `-inf` outside the vocabulary.
    pub fn get(&self, token: TokenId) -> f32 {
        self.known(token).unwrap_or_else(|| self.rest())
    }

    /// The most probable token; of equals, the lowest id.
    pub fn argmax(&self) -> TokenId {
        match &self.0 {
            Repr::Dense(values) => {
                let mut best = 0;
                for (id, value) in values.iter().enumerate() {
                    if *value > values[best] {
                        best = id;
                    }
                }
                best as TokenId
            }
            Repr::Sparse(sparse) => {
                let mut best = (0, f32::NEG_INFINITY);
                for (id, value) in &sparse.entries {
                    if *value > best.1 {
                        best = (*id, *value);
                    }
                }
                best.0
            }
        }
    }
}

impl Sparse {
    fn find(&self, token: TokenId) -> Option<f32> {
        let at = self.entries.binary_search_by_key(&token, |(id, _)| *id).ok()?;
        Some(self.entries[at].1)
    }
}

/// Relative error of the numbers in lists: what a softmax over a large vocabulary in single precision loses.
const NOISE: f64 = 4e-6;

/// An upper bound of the log-probability of whatever a list leaves out. One minus the sum is a difference of nearly equal
/// numbers, so the error that the sum may have is added to it: each number is off by half a unit in its last place and by
/// what its maker lost. It is never below that noise, however little is left.
fn remainder(entries: &[(TokenId, f32)]) -> f32 {
    let (mut mass, mut error) = (0.0_f64, 0.0_f64);
    for (_, value) in entries {
        let probability = f64::from(*value).exp();
        mass += probability;
        // Of an impossible token nothing is lost.
        if probability > 0.0 {
            error += probability * f64::from(value.abs()) * f64::from(f32::EPSILON);
        }
    }
    // More than everything: the numbers are worse than assumed, and their sum says nothing.
    if mass > 1.0 + NOISE {
        return f32::INFINITY;
    }
    let left = (1.0 - mass).max(0.0) + error + NOISE;
    (left.ln() as f32).next_up()
}

fn sorted(entries: impl IntoIterator<Item = (TokenId, f32)>) -> Vec<(TokenId, f32)> {
    let mut entries: Vec<(TokenId, f32)> = entries.into_iter().collect();
    entries.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
    entries.dedup_by_key(|(id, _)| *id);
    entries
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

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "the same numbers are expected, not near ones")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_list_bounds_what_it_leaves_out(
            logits in prop::collection::vec(-8.0_f32..8.0, 2..40), keep in 1_usize..40,
        ) {
            let dense = LogProbs::from_logits(&logits);
            let list = LogProbs::from_top(dense.top(keep));
            prop_assert_eq!(list.argmax(), dense.argmax());
            for id in 0..logits.len() as TokenId {
                match list.known(id) {
                    Some(value) => prop_assert_eq!(value, dense.get(id)),
                    None => prop_assert!(dense.get(id) <= list.rest(), "{} {}", dense.get(id), list.rest()),
                }
            }
            let all = LogProbs::from_whole(dense.entries());
            prop_assert_eq!(all.get(1), dense.get(1));
            prop_assert_eq!(all.get(logits.len() as TokenId), f32::NEG_INFINITY);
        }
    }

    #[test]
    fn a_remainder_that_is_lost_in_rounding_is_bounded_all_the_same() {
        let dense = LogProbs::from_logits(&[0.0, 0.0, 1.696_148_5, 6.169_028_3, -4.746_503_4]);
        let list = LogProbs::from_top(dense.top(4));
        assert!(dense.get(4) <= list.rest(), "{} {}", dense.get(4), list.rest());
        // Numbers that sum to more than 1 leave no remainder to speak of: the least of the list is the bound.
        assert_eq!(LogProbs::from_top([(0, -0.01), (1, -2.0)]).rest(), -2.0);
    }

    #[test]
    fn what_is_asked_for_joins_the_list_and_the_bound_stays() {
        let list = LogProbs::from_top([(3, -0.5), (1, -2.0)]);
        assert_eq!((list.known(7), list.rest()), (None, -2.0));
        let more = list.with_known([(7, -9.0), (3, -4.0)]);
        assert_eq!((more.known(7), more.known(3), more.rest()), (Some(-9.0), Some(-0.5), -2.0));
        assert_eq!(more.top(2), [(3, -0.5), (1, -2.0)]);
    }
}
