//! AdamW (arXiv 1711.05101): moments per value, bias-corrected, with decay apart from the gradient.

use std::collections::HashMap;

use candle_core::Tensor;

use super::super::adapter::{Pair, Pairs};
use crate::error::TuneError;

const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// The moments of every value, and how many steps they have seen.
#[derive(Debug, Clone, Default)]
pub(crate) struct AdamW {
    pub(crate) first: Pairs,
    pub(crate) second: Pairs,
    pub(crate) steps: usize,
}

impl AdamW {
    /// Moves the adapter against a gradient. `cut` multiplies the gradient (clipping).
    pub(crate) fn step(
        &mut self,
        adapter: &mut Pairs,
        gradient: &Pairs,
        rate: f64,
        decay: f64,
        cut: f64,
    ) -> Result<(), TuneError> {
        self.steps += 1;
        let correct = [BETA_1, BETA_2].map(|beta| 1.0 - beta.powf(self.steps as f64));
        for (key, pair) in &mut adapter.pairs {
            let Some(gradient) = gradient.pairs.get(key) else { continue };
            let (first, second) = (self.first.pairs.get(key).cloned(), self.second.pairs.get(key).cloned());
            let moved = |value: &Tensor, g: &Tensor, m: Option<&Tensor>, v: Option<&Tensor>| {
                let g = (g * cut)?;
                let m = blend(m, &g, BETA_1)?;
                let v = blend(v, &g.sqr()?, BETA_2)?;
                let step = ((&m / correct[0])? / ((&v / correct[1])?.sqrt()? + EPSILON)?)?;
                let value = ((value * (1.0 - rate * decay))? - (step * rate)?)?;
                Ok::<_, TuneError>((value, m, v))
            };
            let a = moved(&pair.a, &gradient.a, first.as_ref().map(|p| &p.a), second.as_ref().map(|p| &p.a))?;
            let b = moved(&pair.b, &gradient.b, first.as_ref().map(|p| &p.b), second.as_ref().map(|p| &p.b))?;
            *pair = Pair { a: a.0, b: b.0 };
            self.first.pairs.insert(*key, Pair { a: a.1, b: b.1 });
            self.second.pairs.insert(*key, Pair { a: a.2, b: b.2 });
        }
        Ok(())
    }

    /// Both moments under names for a checkpoint.
    pub(crate) fn named(&self) -> HashMap<String, Tensor> {
        let mut named = self.first.named("first.");
        named.extend(self.second.named("second."));
        named
    }
}

fn blend(old: Option<&Tensor>, new: &Tensor, beta: f64) -> Result<Tensor, TuneError> {
    let part = (new * (1.0 - beta))?;
    match old {
        Some(old) => Ok(((old * beta)? + part)?),
        None => Ok(part),
    }
}
