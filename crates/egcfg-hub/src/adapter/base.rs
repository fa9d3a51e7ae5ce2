//! What of a base an adapter's form depends on: its family, and its heads, since GGUF files of the Llama family hold the rows
//! of queries and keys in another order than checkpoints, and an adapter's rows follow. An adapter in the wrong order loads
//! without a word and computes something else.

use std::path::Path;

use egcfg_gguf::Head;

use crate::checkpoint::shape_of;
use crate::error::{CheckpointError, Problem};

/// Families whose adapters are converted, and whether the rows of queries and keys change places.
const FAMILIES: [(&str, bool); 6] = [
    ("llama", true),
    ("qwen2", false),
    ("qwen3", false),
    ("gemma", false),
    ("gemma2", false),
    ("gemma3", false),
];

/// What is known of a base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// The family's name in GGUF.
    pub family: String,
    /// Heads of the queries.
    pub heads: usize,
    /// Heads of the keys.
    pub kv_heads: usize,
}

impl Base {
    /// The base of a GGUF file; of an adapter's file too, if it was written here. Nothing where the file does not say.
    pub fn of_head(head: &Head) -> Option<Self> {
        let family = head.text("general.architecture")?.to_owned();
        let count = |name: &str| {
            let count = head.int(&format!("{family}.attention.{name}"))?;
            usize::try_from(count).ok().filter(|count| *count > 0)
        };
        let heads = count("head_count");
        // Where no rows change places the heads do not matter.
        let heads = if permuted(&family) == Some(false) { heads.or(Some(1)) } else { heads }?;
        Some(Self { heads, kv_heads: count("head_count_kv").unwrap_or(heads), family })
    }

    /// The base of a checkpoint folder.
    pub fn of_checkpoint(folder: &Path) -> Result<Self, CheckpointError> {
        let (family, heads, kv_heads) = shape_of(folder)?;
        Ok(Self { family: family.to_owned(), heads, kv_heads })
    }

    /// Heads whose rows change places in a tensor of the file; nothing where they stay.
    pub(crate) fn turned(&self, tensor: &str) -> Option<usize> {
        if permuted(&self.family) != Some(true) {
            return None;
        }
        match tensor {
            _ if tensor.ends_with(".attn_q.weight") => Some(self.heads),
            _ if tensor.ends_with(".attn_k.weight") => Some(self.kv_heads),
            _ => None,
        }
    }

    /// Refuses a family of whose order of rows nothing is known.
    pub(crate) fn check(&self, file: &Path) -> Result<(), CheckpointError> {
        if permuted(&self.family).is_some() {
            return Ok(());
        }
        let known: Vec<&str> = FAMILIES.iter().map(|(name, _)| *name).collect();
        let reason = format!(
            "an adapter of a model of family {} is not converted ({} are); convert it with llama.cpp's convert_lora_to_gguf.py and name the file",
            self.family,
            known.join(", ")
        );
        Err(Problem::field("general.architecture", reason).in_file(file))
    }
}

fn permuted(family: &str) -> Option<bool> {
    FAMILIES.iter().find(|(name, _)| *name == family).map(|(_, permuted)| *permuted)
}

/// Rows of a matrix with so many columns from the checkpoint's order, in which a head is two halves, into the file's, in which
/// it is pairs of their rows; or back.
pub(crate) fn turn(values: &[f32], heads: usize, columns: usize, back: bool) -> Vec<f32> {
    let rows = values.len() / columns;
    let (head, half) = (rows / heads, rows / heads / 2);
    let mut turned = vec![0.0; values.len()];
    for row in 0..rows {
        let (first, within) = (row / head * head, row % head);
        // In the file row 2i is row i of the first half, row 2i + 1 that of the second.
        let pair = first + within / 2 + if within % 2 == 1 { half } else { 0 };
        let (to, from) = if back { (pair, row) } else { (row, pair) };
        turned[to * columns..(to + 1) * columns]
            .copy_from_slice(&values[from * columns..(from + 1) * columns]);
    }
    turned
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "the same numbers are expected, not near ones")]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_head_become_pairs_and_back() {
        // Two heads of four rows, two columns; row n holds n and -n.
        let rows: Vec<f32> = (0..8_u8).flat_map(|n| [f32::from(n), -f32::from(n)]).collect();
        let turned = turn(&rows, 2, 2, false);
        let firsts: Vec<f32> = turned.iter().step_by(2).copied().collect();
        // `reshape(heads, 2, 2, columns).swapaxes(1, 2)`, written out.
        assert_eq!(firsts, [0.0, 2.0, 1.0, 3.0, 4.0, 6.0, 5.0, 7.0]);
        assert_eq!(turn(&turned, 2, 2, true), rows);
    }
}
