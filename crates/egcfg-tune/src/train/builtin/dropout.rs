//! Dropout of an adapter's inputs. A mask depends on the seed, the batch and the map alone, so that the backward pass, a
//! layer computed twice and a resumed run meet the same one.

use candle_core::Tensor;

use super::super::random::Random;
use super::super::settings::Target;
use crate::error::TuneError;

/// Which values are blanked in one batch.
#[derive(Debug)]
pub(crate) struct Dropout {
    /// Share that is blanked.
    pub(crate) share: f64,
    /// The run's seed.
    pub(crate) seed: u64,
    /// The batch's number in the run.
    pub(crate) batch: usize,
}

impl Dropout {
    /// `x` with a share of its values zero and the rest scaled up by `1 / (1 - share)`.
    pub(crate) fn apply(&self, x: &Tensor, (layer, target): (usize, Target)) -> Result<Tensor, TuneError> {
        let labels = ["dropout", &self.batch.to_string(), &layer.to_string(), target.name()];
        let mut random = Random::new(self.seed, &labels);
        let kept = (1.0 / (1.0 - self.share)) as f32;
        let below = (self.share * f64::from(u32::MAX)) as u32;
        let mut values = Vec::with_capacity(x.elem_count() + 1);
        while values.len() < x.elem_count() {
            // Each random number decides about two values.
            let bits = random.bits();
            for half in [bits as u32, (bits >> 32) as u32] {
                values.push(if half < below { 0.0 } else { kept });
            }
        }
        values.truncate(x.elem_count());
        let mask = Tensor::from_vec(values, x.shape(), x.device())?;
        Ok((x * mask)?)
    }
}
