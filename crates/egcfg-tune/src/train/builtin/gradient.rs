//! The gradient of a batch: packed sequences through all layers and back. As many layers as the memory allows keep what
//! their way back needs; the ones below keep their input alone and are computed twice.

use candle_core::Tensor;

use super::super::adapter::Pairs;
use super::super::example::Example;
use super::base::Base;
use super::dropout::Dropout;
use super::layer::{Masks, Pass, Saved, saved_bytes};
use super::loss::{Answers, loss, teacher_rows};
use super::rotary::Rotary;
use crate::error::TuneError;

/// A batch's part of a step.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Sum of weight times loss.
    pub(crate) loss: f64,
    /// The adapter's gradient, divided by the step's total weight.
    pub(crate) gradient: Pairs,
}

/// What stays the same for all batches of a step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work<'a> {
    pub(crate) base: &'a Base,
    pub(crate) adapter: &'a Pairs,
    /// `alpha / r`.
    pub(crate) scale: f64,
    /// Whether the loss is the divergence from the teacher's distribution.
    pub(crate) distil: bool,
    /// Sum of the step's weights, over all its tokens.
    pub(crate) total: f64,
    /// Bytes that activations may take.
    pub(crate) memory: usize,
}

/// Packed sequences: their tokens, where each lies, and the rows that are scored.
struct Packed {
    tokens: Vec<u32>,
    segments: Vec<(usize, usize)>,
    answers: Answers,
}

/// Packs `head + answer` of every example; the rows before the answer's tokens are scored.
fn pack<'a>(examples: &'a [&Example], head: impl Fn(&'a Example) -> &'a [u32]) -> Packed {
    let mut packed = Packed { tokens: Vec::new(), segments: Vec::new(), answers: Answers::default() };
    for example in examples {
        let (start, head) = (packed.tokens.len(), head(example));
        // The last token is predicted and never read.
        let read = head.len() + example.answer.len() - 1;
        packed.tokens.extend_from_slice(head);
        packed.tokens.extend_from_slice(&example.answer[..example.answer.len() - 1]);
        packed.segments.push((start, read));
        for (at, token) in example.answer.iter().enumerate() {
            packed.answers.rows.push((start + head.len() + at - 1) as u32);
            packed.answers.tokens.push(*token);
            packed.answers.weights.push(example.weight as f32);
        }
    }
    packed
}

/// Loss and gradient of a batch of checked examples.
pub(crate) fn batch_gradient(
    work: Work<'_>,
    examples: &[&Example],
    dropout: Option<&Dropout>,
) -> Result<Batch, TuneError> {
    let base = work.base;
    let teacher = work.distil.then(|| teach(base, examples)).transpose()?;
    let packed = pack(examples, |example| &example.prompt);
    let masks = Masks::on(&base.device);
    let rotary = Rotary::new(&base.shape, &packed.segments, &base.device)?;
    let adapter = Some((work.adapter, work.scale));
    let pass = Pass { base, adapter, dropout, rotary: &rotary, segments: &packed.segments, masks: &masks };
    let layers = base.layers.len();
    let kept = (work.memory / (saved_bytes(&base.shape) * packed.tokens.len()).max(1)).min(layers);
    let mut x = embed(base, &packed.tokens)?;
    let mut memory: Vec<Memory> = Vec::with_capacity(layers);
    for number in 0..layers {
        let (y, saved) = pass.forward(number, &x)?;
        memory.push(if number + kept >= layers { Memory::Whole(Box::new(saved)) } else { Memory::Input(x) });
        x = y;
    }
    let loss = loss(base, &x, &packed.answers, teacher.as_ref(), work.total)?;
    let (mut back, mut gradient) = (loss.back, Pairs::default());
    for (number, memory) in memory.into_iter().enumerate().rev() {
        let saved = match memory {
            Memory::Whole(saved) => *saved,
            Memory::Input(x) => pass.forward(number, &x)?.1,
        };
        back = pass.backward(number, &saved, &back, &mut gradient)?;
    }
    Ok(Batch { loss: loss.sum, gradient })
}

/// What one layer keeps for its way back.
enum Memory {
    Whole(Box<Saved>),
    Input(Tensor),
}

/// The teacher's hidden rows: the frozen model, without the adapter, after it has read each example's teacher prompt.
fn teach(base: &Base, examples: &[&Example]) -> Result<Tensor, TuneError> {
    let packed = pack(examples, |example| example.teacher.as_deref().unwrap_or(&example.prompt));
    let masks = Masks::on(&base.device);
    let rotary = Rotary::new(&base.shape, &packed.segments, &base.device)?;
    let pass = Pass {
        base,
        adapter: None,
        dropout: None,
        rotary: &rotary,
        segments: &packed.segments,
        masks: &masks,
    };
    let mut x = embed(base, &packed.tokens)?;
    for number in 0..base.layers.len() {
        x = pass.forward(number, &x)?.0;
    }
    teacher_rows(base, &x, &packed.answers.rows)
}

fn embed(base: &Base, tokens: &[u32]) -> Result<Tensor, TuneError> {
    Ok(base.embedding.index_select(&Tensor::new(tokens, &base.device)?, 0)?)
}
