//! Rotary position embedding (arXiv 2104.09864) in the order of the published checkpoints: number i of a head's first half
//! and number i of its second half are one pair, turned by `position * base^(-2 i / head)`.

use candle_core::{Device, Tensor};

use super::base::Shape;
use super::layer::Segments;
use crate::error::TuneError;

/// Cosines and sines of every packed row, `[N, head / 2]`.
#[derive(Debug)]
pub(crate) struct Rotary {
    cosines: Tensor,
    sines: Tensor,
}

impl Rotary {
    /// The angles of packed sequences; each begins at position 0.
    pub(crate) fn new(shape: &Shape, segments: &Segments, device: &Device) -> Result<Self, TuneError> {
        let half = shape.head / 2;
        let frequency =
            |i: usize| shape.rope_base.powf(-2.0 * i as f64 / shape.head as f64) / shape.rope_scale;
        let frequencies: Vec<f64> = (0..half).map(frequency).collect();
        let (mut cosines, mut sines) = (Vec::new(), Vec::new());
        for position in segments.iter().flat_map(|(_, rows)| 0..*rows) {
            for frequency in &frequencies {
                let (sine, cosine) = (position as f64 * frequency).sin_cos();
                cosines.push(cosine as f32);
                sines.push(sine as f32);
            }
        }
        let rows = cosines.len() / half;
        Ok(Self {
            cosines: Tensor::from_vec(cosines, (rows, half), device)?,
            sines: Tensor::from_vec(sines, (rows, half), device)?,
        })
    }

    /// Turns `[N, heads, head]`.
    pub(crate) fn turn(&self, x: &Tensor) -> Result<Tensor, TuneError> {
        self.rotate(x, &self.sines)
    }

    /// The reverse turn, which is also the gradient's way back (a rotation's transpose is its inverse).
    pub(crate) fn turn_back(&self, x: &Tensor) -> Result<Tensor, TuneError> {
        self.rotate(x, &self.sines.neg()?)
    }

    fn rotate(&self, x: &Tensor, sines: &Tensor) -> Result<Tensor, TuneError> {
        let turned = candle_nn::rotary_emb::rope_thd(&x.contiguous()?.unsqueeze(0)?, &self.cosines, sines)?;
        Ok(turned.squeeze(0)?)
    }
}
