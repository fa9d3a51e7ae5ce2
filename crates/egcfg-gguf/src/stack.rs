//! Several adapters as one: the sum of two low-rank changes is one of the ranks' sum, whose A has the rows of both and whose B
//! has the columns of both, each times its adapter's own scale. The engine is given nothing else, be it a single adapter:
//! what it reads was then written here, whatever the files held beside their matrices.

use std::io::Write;
use std::path::Path;

use crate::write::{ElementType, Entry, Meta, padding, write_head};
use crate::{Adapter, HeadError, values};

/// One matrix pair of the stack, as it is gathered.
struct Stacked {
    target: String,
    input: usize,
    output: usize,
    /// Per part its rank, the rows of A, and the rows of B (output by rank) with the scale in them.
    parts: Vec<(usize, Vec<f32>, Vec<f32>)>,
}

/// Writes the sum of adapters, each with its file and its scale, as one adapter in single precision whose scale is 1. They
/// must fit one model ([`Adapter::fits`]).
pub fn stack(adapters: &[(&Adapter, &Path, f32)], out: &mut impl Write) -> Result<(), HeadError> {
    let mut all: Vec<Stacked> = Vec::new();
    for (adapter, path, scale) in adapters {
        for pair in &adapter.pairs {
            let factor = (adapter.factor(pair) * f64::from(*scale)) as f32;
            let a = values(path, &adapter.head, &pair.a)?;
            let mut b = values(path, &adapter.head, &pair.b)?;
            for value in &mut b {
                *value *= factor;
            }
            if b.iter().any(|value| !value.is_finite()) {
                return Err(HeadError::new(&pair.b.name, "times its scale is beyond single precision"));
            }
            let part = (pair.rank() as usize, a, b);
            match all.iter_mut().find(|stacked| stacked.target == pair.target) {
                Some(stacked) => stacked.parts.push(part),
                None => all.push(Stacked {
                    target: pair.target.clone(),
                    input: pair.a.shape[0] as usize,
                    output: pair.b.shape[1] as usize,
                    parts: vec![part],
                }),
            }
        }
    }
    let family = adapters.first().and_then(|(adapter, ..)| adapter.head.text("general.architecture"));
    write(family.unwrap_or_default(), &all, out).map_err(HeadError::io)
}

fn write(family: &str, all: &[Stacked], out: &mut impl Write) -> std::io::Result<()> {
    let mut meta = Meta::default();
    meta.string("general.architecture", family);
    meta.string("general.type", "adapter");
    meta.string("adapter.type", "lora");
    let mut table = Vec::with_capacity(2 * all.len());
    for stacked in all {
        let rank = stacked.parts.iter().map(|(rank, ..)| rank).sum();
        let mut add = |end: &str, shape: Vec<usize>| {
            let name = format!("{}.{end}", stacked.target);
            table.push(Entry { name, shape, kind: ElementType::F32 });
        };
        add("lora_a", vec![stacked.input, rank]);
        add("lora_b", vec![rank, stacked.output]);
    }
    write_head(out, &meta, &table)?;
    let mut bytes = Vec::new();
    for (stacked, entries) in all.iter().zip(table.chunks(2)) {
        bytes.clear();
        for (_, a, _) in &stacked.parts {
            bytes.extend(a.iter().flat_map(|value| value.to_le_bytes()));
        }
        out.write_all(&bytes)?;
        out.write_all(padding(entries[0].bytes()))?;
        bytes.clear();
        for row in 0..stacked.output {
            for (rank, _, b) in &stacked.parts {
                let row = &b[row * rank..(row + 1) * rank];
                bytes.extend(row.iter().flat_map(|value| value.to_le_bytes()));
            }
        }
        out.write_all(&bytes)?;
        out.write_all(padding(entries[1].bytes()))?;
    }
    out.flush()
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "the same numbers are expected, not near ones")]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// An adapter of one pair: `a` is [2, rank], `b` is [rank, 3].
    fn adapter(folder: &Path, name: &str, alpha: Option<f32>, a: &[f32], b: &[f32]) -> PathBuf {
        let path = folder.join(name);
        let mut meta = Meta::default();
        meta.string("general.architecture", "llama");
        meta.string("general.type", "adapter");
        meta.string("adapter.type", "lora");
        if let Some(alpha) = alpha {
            meta.f32("adapter.lora.alpha", alpha);
        }
        let rank = a.len() / 2;
        let entry = |end: &str, shape: Vec<usize>| Entry {
            name: format!("blk.0.attn_v.weight.{end}"),
            shape,
            kind: ElementType::F32,
        };
        let table = [entry("lora_a", vec![2, rank]), entry("lora_b", vec![rank, 3])];
        let mut bytes = Vec::new();
        write_head(&mut bytes, &meta, &table).unwrap();
        for (values, entry) in [a, b].into_iter().zip(&table) {
            bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            bytes.extend(padding(entry.bytes()));
        }
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Output by input: what the adapter adds.
    fn product(path: &Path) -> Vec<f64> {
        let adapter = Adapter::open(path).unwrap();
        let pair = &adapter.pairs[0];
        let (a, b) =
            (values(path, &adapter.head, &pair.a).unwrap(), values(path, &adapter.head, &pair.b).unwrap());
        let rank = pair.rank() as usize;
        let element = |out: usize, input: usize| -> f64 {
            (0..rank).map(|r| f64::from(b[out * rank + r]) * f64::from(a[r * 2 + input])).sum()
        };
        let all = (0..3).flat_map(|out| (0..2).map(move |input| (out, input)));
        all.map(|(out, input)| element(out, input) * adapter.factor(pair)).collect()
    }

    #[test]
    fn a_stack_adds_what_its_parts_add_with_their_scales() {
        let folder = tempfile::tempdir().unwrap();
        let one = adapter(
            folder.path(),
            "one",
            Some(4.0),
            &[1.0, 2.0, -1.0, 0.5],
            &[1.0, 0.0, 2.0, 3.0, -1.0, 1.0],
        );
        let two = adapter(folder.path(), "two", None, &[3.0, -2.0], &[1.0, 5.0, -4.0]);
        let (first, second) = (Adapter::open(&one).unwrap(), Adapter::open(&two).unwrap());
        let mut bytes = Vec::new();
        stack(&[(&first, &one, 1.0), (&second, &two, -0.5)], &mut bytes).unwrap();
        let both = folder.path().join("both");
        std::fs::write(&both, bytes).unwrap();
        let expected: Vec<f64> =
            product(&one).iter().zip(product(&two)).map(|(one, two)| one - 0.5 * two).collect();
        assert_eq!(product(&both), expected);
        // By hand: B of the first, row 0, times A is [1, 2], and alpha over rank is 2.
        assert_eq!(product(&one)[..2], [2.0, 4.0]);
        assert_eq!(Adapter::open(&both).unwrap().pairs[0].rank(), 3);
    }

    #[test]
    fn what_cannot_be_added_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path();
        let good = adapter(place, "good", Some(1.0), &[1.0, 2.0], &[1.0, 5.0, -4.0]);
        let bad = adapter(place, "bad", Some(1.0), &[f32::NAN, 2.0], &[1.0, 5.0, -4.0]);
        let said = stack(&[(&Adapter::open(&bad).unwrap(), &bad, 1.0)], &mut Vec::new()).unwrap_err();
        assert!(said.to_string().starts_with("blk.0.attn_v.weight.lora_a: holds NaN"), "{said}");
        let odd = adapter(place, "odd", Some(f32::INFINITY), &[1.0, 2.0], &[1.0, 5.0, -4.0]);
        let said = Adapter::open(&odd).unwrap_err().to_string();
        assert!(said.starts_with("adapter.lora.alpha: is no finite"), "{said}");
        // Of another model: the sides of the weight, its name, its family.
        let model = |family: &str, name: &str, shape: Vec<usize>| {
            let mut meta = Meta::default();
            meta.string("general.architecture", family);
            let table = [Entry { name: name.to_owned(), shape, kind: ElementType::F32 }];
            let mut bytes = Vec::new();
            write_head(&mut bytes, &meta, &table).unwrap();
            let length = bytes.len() as u64 + table[0].bytes();
            [crate::Head::read(bytes.as_slice(), length).unwrap()]
        };
        let adapter = Adapter::open(&good).unwrap();
        adapter.fits(&model("llama", "blk.0.attn_v.weight", vec![2, 3])).unwrap();
        for (model, expected) in [
            (
                model("llama", "blk.0.attn_v.weight", vec![2, 4]),
                "is [2, 4] in the model, but the adapter changes one of [2, 3]",
            ),
            (
                model("llama", "blk.1.attn_v.weight", vec![2, 3]),
                "blk.0.attn_v.weight: the model has no such tensor",
            ),
            (
                model("qwen2", "blk.0.attn_v.weight", vec![2, 3]),
                "made for a model of family llama; this one is qwen2",
            ),
        ] {
            let said = adapter.fits(&model).unwrap_err().to_string();
            assert!(said.contains(expected), "{said} lacks {expected}");
        }
    }
}
