//! What of a distribution a node keeps: the nucleus under the search's temperature and top-p, as a list. A whole vocabulary
//! of 50,000 numbers per node would fill memory, and no policy branches outside the nucleus.

use egcfg_model::{LogProbs, TokenId};

/// Temperature and nucleus of a search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Shape {
    pub(crate) temperature: f64,
    pub(crate) top_p: f64,
}

/// One token that may follow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Entry {
    pub(crate) token: TokenId,
    /// The model's own log-probability.
    pub(crate) log_prob: f32,
    /// Probability under temperature and nucleus; the shares of a row sum to one.
    pub(crate) share: f64,
}

/// What may follow a node: by ascending token id, as the shared sampler walks them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) entries: Box<[Entry]>,
    /// The nucleus holds more tokens than the model listed.
    pub(crate) truncated: bool,
}

impl Shape {
    /// The nucleus of a distribution. The arithmetic is the sampler's, so that a program drawn from rows is the program that
    /// the model draws by itself from the same random numbers.
    pub(crate) fn row(self, distribution: &LogProbs) -> Row {
        let known: Vec<(TokenId, f32)> =
            distribution.entries().filter(|(_, value)| value.is_finite()).collect();
        let max = known.iter().map(|(_, value)| *value).fold(f32::NEG_INFINITY, f32::max);
        let mut weighed: Vec<(TokenId, f32, f64)> = known
            .into_iter()
            .map(|(token, value)| (token, value, self.tempered(value, max)))
            .filter(|(_, _, weight)| *weight > 0.0)
            .collect();
        let listed: f64 = weighed.iter().map(|(_, _, weight)| weight).sum();
        let missing = distribution.is_sparse() && distribution.rest() > f32::NEG_INFINITY;
        // At temperature 1 a list says what it leaves out; at another one only that it leaves out something.
        let whole = if missing && (self.temperature - 1.0).abs() < 1e-9 {
            listed.max((-f64::from(max)).exp())
        } else {
            listed
        };
        let mass: f64 =
            if missing { weighed.iter().map(|(_, value, _)| f64::from(*value).exp()).sum() } else { 1.0 };
        if self.top_p < 1.0 {
            cut_nucleus(&mut weighed, self.top_p * whole);
        }
        let total: f64 = weighed.iter().map(|(_, _, weight)| weight).sum();
        let entries = weighed
            .into_iter()
            .map(|(token, log_prob, weight)| Entry { token, log_prob, share: weight / total })
            .collect();
        Row { entries, truncated: missing && mass < self.top_p }
    }

    fn tempered(self, value: f32, max: f32) -> f64 {
        if self.temperature == 0.0 {
            return f64::from(u8::from(value >= max));
        }
        (f64::from(value - max) / self.temperature).exp()
    }
}

/// Keeps the most probable tokens that hold `target` together (of equals, lower ids first), by ascending id. Only as many are sorted
/// as it takes: a vocabulary has a hundred thousand, a nucleus a few.
fn cut_nucleus(weighed: &mut Vec<(TokenId, f32, f64)>, target: f64) {
    let by_weight =
        |a: &(TokenId, f32, f64), b: &(TokenId, f32, f64)| b.2.total_cmp(&a.2).then(a.0.cmp(&b.0));
    let mut sorted = 64.min(weighed.len());
    loop {
        if sorted < weighed.len() {
            weighed.select_nth_unstable_by(sorted, by_weight);
        }
        weighed[..sorted].sort_unstable_by(by_weight);
        let mut sum = 0.0;
        let last = weighed[..sorted].iter().position(|(_, _, weight)| {
            sum += weight;
            sum >= target
        });
        if let Some(last) = last {
            weighed.truncate(last + 1);
        } else if sorted < weighed.len() {
            sorted = (8 * sorted).min(weighed.len());
            continue;
        }
        weighed.sort_unstable_by_key(|(token, _, _)| *token);
        return;
    }
}

impl Row {
    /// The row with this token in it: a server may draw what its list does not hold. Such a token has no share.
    pub(crate) fn with(mut self, token: TokenId, log_prob: f32) -> Self {
        if let Err(at) = self.entries.binary_search_by_key(&token, |entry| entry.token) {
            let mut entries = self.entries.into_vec();
            entries.insert(at, Entry { token, log_prob, share: 0.0 });
            self.entries = entries.into_boxed_slice();
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use egcfg_model::{Sampler, uniform};
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::*;

    proptest! {
        #[test]
        fn a_row_draws_what_the_sampler_draws(
            logits in proptest::collection::vec(-9.0f32..9.0, 2..30), seed: u64, t in 0.1f64..2.0, top_p in 0.05f64..=1.0,
        ) {
            let whole = LogProbs::from_logits(&logits);
            let row = Shape { temperature: t, top_p }.row(&whole);
            prop_assert!((row.entries.iter().map(|e| e.share).sum::<f64>() - 1.0).abs() < 1e-9);
            let mut sampler = Sampler::new(t, top_p).unwrap();
            for index in 0..20 {
                let drawn = sampler.draw(whole.values(), seed, index);
                let mut left = uniform(seed, index);
                let ours = row.entries.iter().find(|e| { left -= e.share; left < 0.0 });
                // Rounding decides only where the number falls on a boundary.
                if left.abs() > 1e-9 {
                    prop_assert_eq!(ours.map(|e| e.token), Some(drawn));
                }
            }
        }

        #[test]
        fn a_list_that_holds_the_nucleus_gives_the_row_of_the_whole(
            logits in proptest::collection::vec(-9.0f32..9.0, 2..30), keep in 1usize..30, top_p in 0.05f64..0.999,
        ) {
            let whole = LogProbs::from_logits(&logits);
            let shape = Shape { temperature: 1.0, top_p };
            let (row, listed) = (shape.row(&whole), shape.row(&LogProbs::from_top(whole.top(keep))));
            if !listed.truncated && listed.entries.len() < keep {
                prop_assert_eq!(listed.entries.len(), row.entries.len());
                for (a, b) in listed.entries.iter().zip(&row.entries) {
                    prop_assert!(a.token == b.token && (a.share - b.share).abs() < 1e-5);
                }
            }
            prop_assert!(listed.truncated || listed.entries.len() >= row.entries.len().min(keep));
        }
    }

    #[test]
    fn a_list_shorter_than_the_nucleus_says_so() {
        let shape = Shape { temperature: 1.0, top_p: 0.95 };
        assert!(shape.row(&LogProbs::from_top([(3, -0.7), (5, -1.5)])).truncated);
        assert!(!shape.row(&LogProbs::from_top([(3, -0.01), (5, -6.0)])).truncated);
        let row = shape.row(&LogProbs::from_top([(3, -0.01), (5, -6.0)])).with(9, -12.0);
        assert_eq!(row.entries.iter().map(|e| e.token).collect::<Vec<_>>(), [3, 9]);
    }
}
