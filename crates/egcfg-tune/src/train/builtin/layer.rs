//! One layer, forward and backward, with explicit gradients. The frozen matrices need none, and what automatic
//! differentiation would keep for them is most of its memory and half of its time; written out, a layer's backward pass
//! is a dozen products. Sequences of a batch are packed one behind the other without padding; attention alone looks at
//! where each begins and ends.

#![expect(clippy::many_single_char_names, reason = "the names of the formulas")]

use candle_core::{D, Tensor};

use super::super::adapter::{Pair, Pairs};
use super::super::settings::Target;
use super::base::{Base, Frozen, LayerWeights, Shape};
use super::dropout::Dropout;
use super::rotary::{Rotary, Segments};
use crate::error::TuneError;

type Result<T> = std::result::Result<T, TuneError>;

/// The parts of a pass that do not change from layer to layer.
#[derive(Debug)]
pub(crate) struct Pass<'a> {
    pub(crate) base: &'a Base,
    /// The adapter and its factor; none for the frozen model alone.
    pub(crate) adapter: Option<(&'a Pairs, f64)>,
    pub(crate) dropout: Option<&'a Dropout>,
    pub(crate) rotary: &'a Rotary,
    pub(crate) segments: &'a Segments,
    pub(crate) masks: &'a Masks,
}

/// What a layer's backward pass needs of its forward pass; `[N, ...]` with N packed rows.
#[derive(Debug)]
pub(crate) struct Saved {
    x: Tensor,
    attended: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mixed: Tensor,
    middle: Tensor,
    fed: Tensor,
    gate: Tensor,
    up: Tensor,
}

/// Bytes that [`Saved`] holds per packed row.
pub(crate) fn saved_bytes(shape: &Shape) -> usize {
    let attention = shape.heads * shape.head * 2 + shape.kv_heads * shape.head * 2;
    4 * (4 * shape.width + attention + 2 * shape.feed_forward)
}

impl Pass<'_> {
    /// `x W^T + b`, and the adapter's part: `scale * drop(x) A^T B^T`.
    fn linear(&self, x: &Tensor, frozen: &Frozen, key: (usize, Target)) -> Result<Tensor> {
        let mut y = x.matmul(&frozen.weight.t()?)?;
        if let Some(bias) = &frozen.bias {
            y = y.broadcast_add(bias)?;
        }
        if let Some((pair, scale)) = self.pair(key) {
            let low = self.dropped(x, key)?.matmul(&pair.a.t()?)?;
            y = (y + (low.matmul(&pair.b.t()?)? * scale)?)?;
        }
        Ok(y)
    }

    /// Gradient with respect to a linear map's input; that of its adapter is added to `gradients`.
    fn linear_back(
        &self,
        x: &Tensor,
        dy: &Tensor,
        frozen: &Frozen,
        key: (usize, Target),
        gradients: &mut Pairs,
    ) -> Result<Tensor> {
        let mut dx = dy.matmul(&frozen.weight)?;
        if let Some((pair, scale)) = self.pair(key) {
            let dropped = self.dropped(x, key)?;
            let low = dropped.matmul(&pair.a.t()?)?;
            let scaled = (dy * scale)?;
            let d_low = scaled.matmul(&pair.b)?;
            gradients.add(key, Pair { a: d_low.t()?.matmul(&dropped)?, b: scaled.t()?.matmul(&low)? })?;
            let back = d_low.matmul(&pair.a)?;
            dx = (dx + self.dropped(&back, key)?)?;
        }
        Ok(dx)
    }

    fn pair(&self, key: (usize, Target)) -> Option<(&Pair, f64)> {
        let (adapter, scale) = self.adapter?;
        adapter.pairs.get(&key).map(|pair| (pair, scale))
    }

    /// The adapter's input with the dropped values blanked. The same mask carries the gradient back.
    fn dropped(&self, x: &Tensor, key: (usize, Target)) -> Result<Tensor> {
        match self.dropout {
            Some(dropout) => dropout.apply(x, key),
            None => Ok(x.clone()),
        }
    }

    /// A layer's output, and what its backward pass needs.
    pub(crate) fn forward(&self, number: usize, x: &Tensor) -> Result<(Tensor, Saved)> {
        let (weights, shape) = (&self.base.layers[number], &self.base.shape);
        let attended = rms_norm(x, &weights.attention_norm, shape.epsilon)?;
        let heads = |y: Tensor, heads: usize| y.reshape(((), heads, shape.head));
        let q = heads(self.linear(&attended, &weights.q, (number, Target::Q))?, shape.heads)?;
        let k = heads(self.linear(&attended, &weights.k, (number, Target::K))?, shape.kv_heads)?;
        let v = heads(self.linear(&attended, &weights.v, (number, Target::V))?, shape.kv_heads)?;
        let (q, k) = (self.rotary.turn(&q)?, self.rotary.turn(&k)?);
        let mut parts = Vec::with_capacity(self.segments.len());
        for segment in self.segments {
            let attention = Attention::new(self, &q, &k, &v, *segment)?;
            parts.push(attention.output()?);
        }
        let mixed = Tensor::cat(&parts, 0)?;
        let middle = (x + self.linear(&mixed, &weights.o, (number, Target::O))?)?;
        let fed = rms_norm(&middle, &weights.ffn_norm, shape.epsilon)?;
        let gate = self.linear(&fed, &weights.gate, (number, Target::Gate))?;
        let up = self.linear(&fed, &weights.up, (number, Target::Up))?;
        let inner = (gate.silu()? * &up)?;
        let y = (&middle + self.linear(&inner, &weights.down, (number, Target::Down))?)?;
        Ok((y, Saved { x: x.clone(), attended, q, k, v, mixed, middle, fed, gate, up }))
    }

    /// Gradient with respect to a layer's input.
    pub(crate) fn backward(
        &self,
        number: usize,
        saved: &Saved,
        dy: &Tensor,
        gradients: &mut Pairs,
    ) -> Result<Tensor> {
        let (weights, shape) = (&self.base.layers[number], &self.base.shape);
        let d_middle = self.feed_forward_back(number, weights, saved, dy, gradients)?;
        let d_mixed =
            self.linear_back(&saved.mixed, &d_middle, &weights.o, (number, Target::O), gradients)?;
        let (mut dq, mut dk, mut dv) = (Vec::new(), Vec::new(), Vec::new());
        for segment in self.segments {
            let attention = Attention::new(self, &saved.q, &saved.k, &saved.v, *segment)?;
            let (q, k, v) = attention.backward(&d_mixed)?;
            dq.push(q);
            dk.push(k);
            dv.push(v);
        }
        let flat = |parts: Vec<Tensor>, turned: bool| -> Result<Tensor> {
            let whole = Tensor::cat(&parts, 0)?;
            let whole = if turned { self.rotary.turn_back(&whole)? } else { whole };
            Ok(whole.flatten_from(1)?)
        };
        let (dq, dk, dv) = (flat(dq, true)?, flat(dk, true)?, flat(dv, false)?);
        let h = &saved.attended;
        let mut dh = self.linear_back(h, &dq, &weights.q, (number, Target::Q), gradients)?;
        dh = (dh + self.linear_back(h, &dk, &weights.k, (number, Target::K), gradients)?)?;
        dh = (dh + self.linear_back(h, &dv, &weights.v, (number, Target::V), gradients)?)?;
        Ok((d_middle + rms_norm_back(&saved.x, &weights.attention_norm, shape.epsilon, &dh)?)?)
    }

    fn feed_forward_back(
        &self,
        number: usize,
        weights: &LayerWeights,
        saved: &Saved,
        dy: &Tensor,
        gradients: &mut Pairs,
    ) -> Result<Tensor> {
        // silu(g) = g s(g) with s the logistic function; its derivative is s + g s (1 - s).
        let logistic = ((saved.gate.neg()?.exp()? + 1.0)?).recip()?;
        let silu = (&saved.gate * &logistic)?;
        let inner = (&silu * &saved.up)?;
        let d_inner = self.linear_back(&inner, dy, &weights.down, (number, Target::Down), gradients)?;
        let slope = (&logistic + (&silu * (1.0 - &logistic)?)?)?;
        let d_gate = ((&d_inner * &saved.up)? * slope)?;
        let d_up = (d_inner * silu)?;
        let mut d_fed =
            self.linear_back(&saved.fed, &d_gate, &weights.gate, (number, Target::Gate), gradients)?;
        d_fed =
            (d_fed + self.linear_back(&saved.fed, &d_up, &weights.up, (number, Target::Up), gradients)?)?;
        let back = rms_norm_back(&saved.middle, &weights.ffn_norm, self.base.shape.epsilon, &d_fed)?;
        Ok((dy + back)?)
    }
}

/// `x / sqrt(mean(x^2) + epsilon) * weight`, row by row (arXiv 1910.07467).
pub(crate) fn rms_norm(x: &Tensor, weight: &Tensor, epsilon: f64) -> Result<Tensor> {
    Ok(candle_nn::ops::rms_norm(&x.contiguous()?, weight, epsilon as f32)?)
}

/// Gradient of [`rms_norm`] with respect to `x`: `r (g - x r^2 mean(g x))` with `g = dy * weight` and `r` the inverse root.
pub(crate) fn rms_norm_back(x: &Tensor, weight: &Tensor, epsilon: f64, dy: &Tensor) -> Result<Tensor> {
    let r = inverse_rms(x, epsilon)?;
    let g = dy.broadcast_mul(weight)?;
    let mean = (&g * x)?.mean_keepdim(D::Minus1)?;
    let pull = x.broadcast_mul(&(mean * r.sqr()?)?)?;
    Ok((g - pull)?.broadcast_mul(&r)?)
}

fn inverse_rms(x: &Tensor, epsilon: f64) -> Result<Tensor> {
    Ok((x.sqr()?.mean_keepdim(D::Minus1)? + epsilon)?.sqrt()?.recip()?)
}

/// Causal attention of one sequence. Query heads that share a key head lie side by side and are one product.
struct Attention {
    q: Tensor,
    k: Tensor,
    v: Tensor,
    probabilities: Tensor,
    rows: usize,
    segment: (usize, usize),
    groups: usize,
    scale: f64,
}

impl Attention {
    fn new(pass: &Pass<'_>, q: &Tensor, k: &Tensor, v: &Tensor, segment: (usize, usize)) -> Result<Self> {
        let (shape, masks) = (&pass.base.shape, pass.masks);
        let (start, rows) = segment;
        let by_head =
            |x: &Tensor| -> Result<Tensor> { Ok(x.narrow(0, start, rows)?.transpose(0, 1)?.contiguous()?) };
        let groups = shape.heads / shape.kv_heads;
        let q = by_head(q)?.reshape((shape.kv_heads, groups * rows, shape.head))?;
        let (k, v) = (by_head(k)?, by_head(v)?);
        let scale = 1.0 / (shape.head as f64).sqrt();
        let scores = (q.matmul(&k.t()?)? * scale)?.reshape((shape.heads, rows, rows))?;
        let scores = scores.broadcast_add(&masks.causal(rows)?)?;
        let probabilities = candle_nn::ops::softmax_last_dim(&scores)?;
        let probabilities = probabilities.reshape((shape.kv_heads, groups * rows, rows))?;
        Ok(Self { q, k, v, probabilities, rows, segment, groups, scale })
    }

    /// `[rows, heads * head]`.
    fn output(&self) -> Result<Tensor> {
        let mixed = self.probabilities.matmul(&self.v)?;
        Ok(self.by_row(&mixed, self.groups)?.flatten_from(1)?)
    }

    /// From `[key heads, groups * rows, head]` to `[rows, heads, head]`.
    fn by_row(&self, x: &Tensor, groups: usize) -> Result<Tensor> {
        let (kv, _, head) = x.dims3()?;
        Ok(x.reshape((kv * groups, self.rows, head))?.transpose(0, 1)?.contiguous()?)
    }

    /// Gradients of the (turned) queries and keys and of the values, `[rows, heads, head]` each.
    fn backward(&self, d_mixed: &Tensor) -> Result<(Tensor, Tensor, Tensor)> {
        let (kv, grouped, head) = self.q.dims3()?;
        let (start, rows) = self.segment;
        let d_out = d_mixed.narrow(0, start, rows)?.reshape((rows, kv * self.groups, head))?;
        let d_out = d_out.transpose(0, 1)?.contiguous()?.reshape((kv, grouped, head))?;
        let dv = self.probabilities.t()?.contiguous()?.matmul(&d_out)?;
        let d_probabilities = d_out.matmul(&self.v.t()?)?;
        let along = (&d_probabilities * &self.probabilities)?.sum_keepdim(D::Minus1)?;
        let d_scores = (&self.probabilities * d_probabilities.broadcast_sub(&along)?)?;
        let d_scores = (d_scores * self.scale)?;
        let dq = d_scores.matmul(&self.k)?;
        let dk = d_scores.t()?.contiguous()?.matmul(&self.q)?;
        Ok((self.by_row(&dq, self.groups)?, self.by_row(&dk, 1)?, self.by_row(&dv, 1)?))
    }
}

/// The masks of a batch's sequences, made once per length.
#[derive(Debug, Default)]
pub(crate) struct Masks {
    made: std::cell::RefCell<std::collections::BTreeMap<usize, Tensor>>,
    device: Option<candle_core::Device>,
}

impl Masks {
    /// Masks on a device.
    pub(crate) fn on(device: &candle_core::Device) -> Self {
        Self { device: Some(device.clone()), ..Self::default() }
    }

    /// `[rows, rows]`: 0 where a row may look, minus infinity after it.
    fn causal(&self, rows: usize) -> Result<Tensor> {
        if let Some(mask) = self.made.borrow().get(&rows) {
            return Ok(mask.clone());
        }
        let cell = |at: usize| if at % rows <= at / rows { 0.0_f32 } else { f32::NEG_INFINITY };
        let cells: Vec<f32> = (0..rows * rows).map(cell).collect();
        let mask =
            Tensor::from_vec(cells, (rows, rows), self.device.as_ref().unwrap_or(&candle_core::Device::Cpu))?;
        self.made.borrow_mut().insert(rows, mask.clone());
        Ok(mask)
    }
}
