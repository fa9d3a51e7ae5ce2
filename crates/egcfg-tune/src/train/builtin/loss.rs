//! The loss on the answer's tokens and its gradient. Only the rows that predict a token of the answer (or its end mark)
//! pass through the output matrix, a hundred at a time: with 50,000 entries in a vocabulary, whole batches of logits
//! would be most of a run's memory.

use candle_core::{D, DType, Tensor};

use super::base::Base;
use super::layer::{rms_norm, rms_norm_back};
use crate::error::TuneError;

/// Rows of logits that exist at a time.
const ROWS: usize = 96;

/// What each scored row must predict.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answers {
    /// Packed rows.
    pub(crate) rows: Vec<u32>,
    /// The token after each.
    pub(crate) tokens: Vec<u32>,
    /// Its weight in the loss.
    pub(crate) weights: Vec<f32>,
}

/// A batch's loss and its way back.
#[derive(Debug)]
pub(crate) struct Loss {
    /// Sum over the rows of weight times loss, not yet divided.
    pub(crate) sum: f64,
    /// Gradient with respect to the last layer's output `[N, width]`, divided by `total`.
    pub(crate) back: Tensor,
}

/// Cross-entropy against the answer's tokens, or, with a teacher's last hidden rows, the divergence from the teacher's
/// distribution to the student's, `sum pg (log pg - log p)` (Kullback and Leibler). `total` is what the step's weights sum
/// up to. The gradient with respect to a row's logits is `p - target`, times its weight over `total`.
pub(crate) fn loss(
    base: &Base,
    x: &Tensor,
    answers: &Answers,
    teacher: Option<&Tensor>,
    total: f64,
) -> Result<Loss, TuneError> {
    let device = &base.device;
    let (mut sum, mut back) = (0.0, x.zeros_like()?);
    let count = answers.rows.len();
    let mut start = 0;
    while start < count {
        let rows = ROWS.min(count - start);
        let part = start..start + rows;
        let index = Tensor::new(&answers.rows[part.clone()], device)?;
        let weights = Tensor::new(&answers.weights[part.clone()], device)?.unsqueeze(1)?;
        let picked = x.index_select(&index, 0)?;
        let log_p =
            log_softmax(&rms_norm(&picked, &base.norm, base.shape.epsilon)?.matmul(&base.head.t()?)?)?;
        let p = log_p.exp()?;
        let (each, gradient) = if let Some(teacher) = teacher {
            let log_pg = log_softmax(&teacher.narrow(0, start, rows)?.matmul(&base.head.t()?)?)?;
            let pg = log_pg.exp()?;
            ((&pg * (log_pg - &log_p)?)?.sum_keepdim(D::Minus1)?, (p - pg)?)
        } else {
            let tokens = Tensor::new(&answers.tokens[part], device)?.unsqueeze(1)?;
            let ones = Tensor::full(-1.0_f32, (rows, 1), device)?;
            (log_p.gather(&tokens, 1)?.neg()?, p.scatter_add(&tokens, &ones, 1)?)
        };
        sum += f64::from((each * &weights)?.sum_all()?.to_dtype(DType::F32)?.to_scalar::<f32>()?);
        let d_logits = gradient.broadcast_mul(&(weights / total)?)?;
        let d_picked = rms_norm_back(&picked, &base.norm, base.shape.epsilon, &d_logits.matmul(&base.head)?)?;
        back = back.index_add(&index, &d_picked, 0)?;
        start += rows;
    }
    Ok(Loss { sum, back })
}

/// The normed rows that a teacher's distribution is made from.
pub(crate) fn teacher_rows(base: &Base, x: &Tensor, rows: &[u32]) -> Result<Tensor, TuneError> {
    let picked = x.index_select(&Tensor::new(rows, &base.device)?, 0)?;
    rms_norm(&picked, &base.norm, base.shape.epsilon)
}

fn log_softmax(logits: &Tensor) -> Result<Tensor, TuneError> {
    let shifted = logits.broadcast_sub(&logits.max_keepdim(D::Minus1)?)?;
    let log_sum = shifted.exp()?.sum_keepdim(D::Minus1)?.log()?;
    Ok(shifted.broadcast_sub(&log_sum)?)
}
