//! Which tensor of the checkpoint becomes which of the file, with the shape that it must have. Tensors that are missing,
//! left over or of another shape are errors: a model that computes something else must not come out.

use super::config::Config;
use super::weights::{Source, Weights};
use crate::error::{CheckpointError, Problem};
use egcfg_gguf::{ElementType, Entry};

/// A tensor to write.
#[derive(Debug)]
pub(crate) struct Planned<'a> {
    pub(crate) entry: Entry,
    pub(crate) source: &'a Source,
    /// The name in the checkpoint.
    pub(crate) name: String,
    /// Rows of a head, where the rows of each head are put in another order.
    pub(crate) interleave: Option<usize>,
}

/// Tensors of old checkpoints that hold no weights: they are computed from the base of the rotation.
const DERIVED: &str = "rotary_emb.inv_freq";

/// The tensors in the order of the file: embedding, layers, output.
pub(crate) fn plan<'a>(
    weights: &'a Weights,
    config: &Config,
    kind: ElementType,
) -> Result<Vec<Planned<'a>>, CheckpointError> {
    let (width, inner) = (config.width, config.inner);
    let (queries, keys) = (config.heads * config.head, config.kv_heads * config.head);
    let turn = config.architecture.interleaves().then_some(config.head);
    let mut plan = Plan { weights, kind, tensors: Vec::new() };
    plan.add("model.embed_tokens.weight", "token_embd.weight", &[config.vocab, width], None)?;
    for layer in 0..config.layers {
        let names =
            |from: &str, to: &str| (format!("model.layers.{layer}.{from}"), format!("blk.{layer}.{to}"));
        for (from, to, sides, interleave) in [
            ("input_layernorm", "attn_norm", &[width][..], None),
            ("self_attn.q_proj", "attn_q", &[queries, width], turn),
            ("self_attn.k_proj", "attn_k", &[keys, width], turn),
            ("self_attn.v_proj", "attn_v", &[keys, width], None),
            ("self_attn.o_proj", "attn_output", &[width, queries], None),
            ("post_attention_layernorm", "ffn_norm", &[width], None),
            ("mlp.gate_proj", "ffn_gate", &[inner, width], None),
            ("mlp.up_proj", "ffn_up", &[inner, width], None),
            ("mlp.down_proj", "ffn_down", &[width, inner], None),
        ] {
            let (from, to) = names(from, to);
            plan.add(&format!("{from}.weight"), &format!("{to}.weight"), sides, interleave)?;
            let bias = format!("{from}.bias");
            if sides.len() == 2 && weights.get(&bias).is_some() {
                plan.add(&bias, &format!("{to}.bias"), &sides[..1], interleave)?;
            }
        }
    }
    plan.add("model.norm.weight", "output_norm.weight", &[width], None)?;
    let output = "lm_head.weight";
    // Tied: the engine takes the embedding where there is no output matrix. Some files hold a copy all the same.
    if !config.tied {
        plan.add(output, "output.weight", &[config.vocab, width], None)?;
    }
    plan.refuse_what_is_left(config.tied.then_some(output))?;
    Ok(plan.tensors)
}

/// The plan in the making.
struct Plan<'a> {
    weights: &'a Weights,
    kind: ElementType,
    tensors: Vec<Planned<'a>>,
}

impl Plan<'_> {
    fn add(
        &mut self,
        from: &str,
        to: &str,
        sides: &[usize],
        interleave: Option<usize>,
    ) -> Result<(), CheckpointError> {
        let any = self.weights.first();
        let source = self
            .weights
            .get(from)
            .ok_or_else(|| Problem::field(from, "is missing among the tensors").in_file(any))?;
        let file = self.weights.file_of(source);
        if source.shape != sides {
            let reason = format!("has shape {:?}; config.json asks for {sides:?}", source.shape);
            return Err(Problem::field(from, reason).in_file(file));
        }
        if super::numbers::source_bytes(source.dtype).is_none() {
            let reason = format!("has elements of type {:?}; F32, F16 and BF16 are known", source.dtype);
            return Err(Problem::field(from, reason).in_file(file));
        }
        let contiguous = sides[sides.len() - 1];
        let kind = match self.kind {
            // Vectors are few, and the engine computes with them in single precision.
            _ if sides.len() == 1 => ElementType::F32,
            // Rows that cannot be cut into blocks stay half precision.
            kind if !contiguous.is_multiple_of(kind.block()) => ElementType::F16,
            kind => kind,
        };
        let entry = Entry { name: to.to_owned(), shape: sides.iter().rev().copied().collect(), kind };
        self.tensors.push(Planned { entry, source, name: from.to_owned(), interleave });
        Ok(())
    }

    fn refuse_what_is_left(&self, copy: Option<&str>) -> Result<(), CheckpointError> {
        let taken: std::collections::HashSet<&str> =
            self.tensors.iter().map(|tensor| tensor.name.as_str()).collect();
        let left = self
            .weights
            .names()
            .find(|name| !taken.contains(name) && !name.ends_with(DERIVED) && Some(*name) != copy);
        match left {
            Some(name) => {
                let any = self.weights.first();
                let file = self.weights.get(name).map_or(any, |source| self.weights.file_of(source));
                Err(Problem::field(name, "is a tensor that the architecture does not have").in_file(file))
            }
            None => Ok(()),
        }
    }
}
