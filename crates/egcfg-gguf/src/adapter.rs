//! A low-rank adapter in GGUF (LoRA, arXiv 2106.09685): to a weight W of the model two small matrices, A `[in, r]` and B
//! `[r, out]` (contiguous side first), whose product times `alpha / r` is added to W. The engine asserts some of what is
//! checked here, which would end the process, and applies an adapter of another model of the same shapes without a word.
//! So an adapter is read whole, and held against the model by its family, its tensors' names and their sides.

use std::collections::BTreeMap;
use std::path::Path;

use crate::metadata::Value;
use crate::{Head, HeadError, Tensor};

/// The key of what the product is scaled by, before it is divided by the rank.
pub const LORA_ALPHA: &str = "adapter.lora.alpha";

/// The two matrices of one of the model's tensors.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// The model's tensor, such as `blk.0.attn_q.weight`.
    pub target: String,
    /// From the tensor's input to the rank.
    pub a: Tensor,
    /// From the rank to the tensor's output.
    pub b: Tensor,
}

impl Pair {
    /// Rows of A, columns of B.
    pub fn rank(&self) -> u64 {
        self.b.shape[0]
    }
}

/// An adapter's file: its head, and its matrices by what they change.
#[derive(Debug, Clone, PartialEq)]
pub struct Adapter {
    /// Everything before the numbers.
    pub head: Head,
    /// The pairs, sorted by the changed tensor's name.
    pub pairs: Vec<Pair>,
    /// What a product is multiplied by before it is divided by its rank; without it the product is added as it is.
    pub alpha: Option<f64>,
}

impl Adapter {
    /// Reads and checks a file.
    pub fn open(path: &Path) -> Result<Self, HeadError> {
        let head = Head::open(path)?;
        let fail = |field: &str, reason: String| Err(HeadError::new(field, reason));
        match head.text("general.type") {
            Some("adapter") => {}
            None | Some("model") => {
                return fail(
                    "general.type",
                    "the file is a model, not an adapter: name it with --model".into(),
                );
            }
            Some(other) => {
                return fail("general.type", format!("the file is of type {other:?}, not an adapter"));
            }
        }
        match head.text("adapter.type") {
            Some("lora") => {}
            other => {
                let kind = other.unwrap_or("none");
                return fail("adapter.type", format!("{kind:?} is not known; lora is"));
            }
        }
        if head.meta.contains_key("adapter.alora.invocation_tokens") {
            let reason = "an adapter that is switched on by a text inside the prompt cannot be applied here";
            return fail("adapter.alora.invocation_tokens", reason.into());
        }
        let alpha = match head.meta.get(LORA_ALPHA) {
            None => None,
            Some(Value::Real(alpha)) if alpha.is_finite() => Some(*alpha).filter(|alpha| *alpha != 0.0),
            Some(_) => return fail(LORA_ALPHA, "is no finite real number".into()),
        };
        let pairs = pairs(&head)?;
        Ok(Self { head, pairs, alpha })
    }

    /// What a pair's product is added with.
    pub fn factor(&self, pair: &Pair) -> f64 {
        self.alpha.map_or(1.0, |alpha| alpha / pair.rank() as f64)
    }

    /// Refuses an adapter that was made for another model than this one, whose parts' heads are given.
    pub fn fits(&self, model: &[Head]) -> Result<(), HeadError> {
        let family = |head: &Head| head.text("general.architecture").unwrap_or("nothing").to_owned();
        let (own, base) = (family(&self.head), model.first().map(family).unwrap_or_default());
        if own != base {
            let reason = format!("the adapter was made for a model of family {own}; this one is {base}");
            return Err(HeadError::new("general.architecture", reason));
        }
        for pair in &self.pairs {
            let Some(weight) = model.iter().find_map(|head| head.tensor(&pair.target)) else {
                let reason = "the model has no such tensor: the adapter was made for another model";
                return Err(HeadError::new(&pair.target, reason));
            };
            let (input, output) = (pair.a.shape[0], pair.b.shape[1]);
            if weight.shape != [input, output] {
                let reason = format!(
                    "is {:?} in the model, but the adapter changes one of [{input}, {output}]: it was made for another model",
                    weight.shape
                );
                return Err(HeadError::new(&pair.target, reason));
            }
        }
        Ok(())
    }
}

/// The tensors two by two.
fn pairs(head: &Head) -> Result<Vec<Pair>, HeadError> {
    let mut found: BTreeMap<&str, (Option<&Tensor>, Option<&Tensor>)> = BTreeMap::new();
    for tensor in &head.tensors {
        let name = tensor.name.as_str();
        if let Some(target) = name.strip_suffix(".lora_a") {
            found.entry(target).or_default().0 = Some(tensor);
        } else if let Some(target) = name.strip_suffix(".lora_b") {
            found.entry(target).or_default().1 = Some(tensor);
        } else {
            let reason = "is no matrix of a low-rank pair (.lora_a, .lora_b): an adapter that replaces weights is not applied";
            return Err(HeadError::new(name, reason));
        }
    }
    if found.is_empty() {
        return Err(HeadError::new("tensor count", "is 0: the adapter changes nothing"));
    }
    let mut pairs = Vec::with_capacity(found.len());
    for (target, parts) in found {
        let (Some(a), Some(b)) = parts else {
            let missing = if parts.0.is_none() { "lora_a" } else { "lora_b" };
            return Err(HeadError::new(target, format!("has no {missing}: half of the pair is missing")));
        };
        if target == "token_embd.weight" {
            return Err(HeadError::new(target, "an adapter of the embedding is not applied here"));
        }
        if a.shape.len() != 2 || b.shape.len() != 2 {
            let reason = "its adapter is no pair of matrices: adapters of experts are not applied here";
            return Err(HeadError::new(target, reason));
        }
        if a.shape[1] != b.shape[0] {
            let reason = format!("lora_a is {:?} and lora_b {:?}: their ranks differ", a.shape, b.shape);
            return Err(HeadError::new(target, reason));
        }
        pairs.push(Pair { target: target.to_owned(), a: a.clone(), b: b.clone() });
    }
    Ok(pairs)
}
