//! Drawing one token from a distribution: temperature, nucleus, and a random number that depends on a seed and a
//! position alone. Every model implementation draws through this module, so that a seed means the same everywhere.
//! Inside the nucleus the draw walks the tokens in order of their id, not of their probability: two engines whose
//! numbers differ in the last digit then still agree unless the random number falls right on a boundary.

use crate::api::TokenId;
use crate::error::ModelError;

/// How many candidates the nucleus looks at first; doubled until it holds enough probability.
const FIRST_NUCLEUS: usize = 32;

/// A temperature and a nucleus, with scratch memory that is reused from draw to draw.
#[derive(Debug, Clone)]
pub struct Sampler {
    temperature: f64,
    top_p: f64,
    weights: Vec<(TokenId, f64)>,
}

impl Sampler {
    /// Checks the two parameters: the temperature must be finite and not negative, `top_p` within (0, 1].
    pub fn new(temperature: f64, top_p: f64) -> Result<Self, ModelError> {
        if !temperature.is_finite() || temperature < 0.0 {
            return Err(ModelError::BadRequest(format!(
                "temperature {temperature} is not a finite number of at least 0"
            )));
        }
        if !(top_p > 0.0 && top_p <= 1.0) {
            return Err(ModelError::BadRequest(format!("top-p {top_p} is not in (0, 1]")));
        }
        Ok(Self { temperature, top_p, weights: Vec::new() })
    }

    /// Draws a token from log-probabilities (or logits: a common shift changes nothing), with the random number of
    /// (`seed`, `index`). At temperature 0 the most probable token, of equals the lowest id.
    pub fn draw(&mut self, log_probs: &[f32], seed: u64, index: u64) -> TokenId {
        if self.temperature == 0.0 {
            return argmax(log_probs);
        }
        let total = self.temper(log_probs);
        let kept = if self.top_p < 1.0 { self.cut_nucleus(total) } else { total };
        let mut left = uniform(seed, index) * kept;
        for (id, weight) in &self.weights {
            left -= weight;
            if left < 0.0 {
                return *id;
            }
        }
        // Rounding can leave a remainder of one ulp: it belongs to the last token that has any weight.
        self.weights.iter().rev().find(|(_, weight)| *weight > 0.0).map_or(0, |(id, _)| *id)
    }

    /// Fills the scratch with `exp((x - max) / temperature)` per token and returns the sum.
    fn temper(&mut self, log_probs: &[f32]) -> f64 {
        let max = log_probs.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        self.weights.clear();
        let mut total = 0.0;
        for (id, value) in log_probs.iter().enumerate() {
            // NaN and -inf get no weight.
            let weight = (f64::from(value - max) / self.temperature).exp();
            if weight > 0.0 {
                total += weight;
                self.weights.push((id as TokenId, weight));
            }
        }
        total
    }

    /// Keeps the smallest set of most probable tokens that holds `top_p` of `total` (of equals, lower ids first), back in
    /// id order, and returns its weight.
    fn cut_nucleus(&mut self, total: f64) -> f64 {
        let by_weight =
            |a: &(TokenId, f64), b: &(TokenId, f64)| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0));
        let target = self.top_p * total;
        let mut sorted = FIRST_NUCLEUS.min(self.weights.len());
        loop {
            if sorted < self.weights.len() {
                self.weights.select_nth_unstable_by(sorted, by_weight);
            }
            self.weights[..sorted].sort_unstable_by(by_weight);
            let mut mass = 0.0;
            for (rank, (_, weight)) in self.weights[..sorted].iter().enumerate() {
                mass += weight;
                if mass >= target || rank + 1 == self.weights.len() {
                    self.weights.truncate(rank + 1);
                    self.weights.sort_unstable_by_key(|(id, _)| *id);
                    return mass;
                }
            }
            if sorted == self.weights.len() {
                return mass;
            }
            sorted = (sorted * 4).min(self.weights.len());
        }
    }
}

/// The id of the largest number; of equals, the lowest. NaN never wins.
pub(crate) fn argmax(values: &[f32]) -> TokenId {
    let mut best = (0, f32::NEG_INFINITY);
    for (id, value) in values.iter().enumerate() {
        if *value > best.1 {
            best = (id, *value);
        }
    }
    best.0 as TokenId
}

/// A number in [0, 1) from a seed and a counter: the top 53 bits of the `SplitMix64` output function (Steele, Lea and
/// Flood 2014), applied twice, to the seed and to its sum with the spread counter.
pub fn uniform(seed: u64, index: u64) -> f64 {
    let bits = mix(mix(seed).wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// The `SplitMix64` output function.
pub(crate) fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
