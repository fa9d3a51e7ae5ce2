//! From PEFT's folder to a GGUF file. The file holds nothing but the matrices and what they need, so equal adapters give
//! equal bytes whatever their folders are called.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use egcfg_gguf::{ElementType, Entry, LORA_ALPHA, Meta, padding, write_head};

use super::base::{Base, turn};
use super::names::{Part, from_peft};
use super::peft::{Settings, sources};
use super::summary::AdapterSummary;
use crate::checkpoint::numbers::{source_bytes, widen};
use crate::checkpoint::persist;
use crate::checkpoint::weights::{Source, Weights};
use crate::error::{CheckpointError, InFile as _, Problem};

type Halves<'a> = (Option<(&'a str, &'a Source)>, Option<(&'a str, &'a Source)>);

/// Writes the adapter of a folder for a base, whole or not at all.
pub fn to_gguf(folder: &Path, base: &Base, out: &Path) -> Result<AdapterSummary, CheckpointError> {
    let [config, file] = sources(folder)?;
    base.check(folder)?;
    let settings = Settings::read(&config)?;
    let weights = Weights::of_files(vec![file.clone()])?;
    let mut pairs: BTreeMap<String, Halves<'_>> = BTreeMap::new();
    for name in weights.names() {
        let (target, part) = from_peft(name).map_err(|reason| Problem::field(name, reason).in_file(&file))?;
        let source = weights.get(name).map(|source| (name, source));
        let pair = pairs.entry(target).or_default();
        match part {
            Part::A => pair.0 = source,
            Part::B => pair.1 = source,
        }
    }
    let mut table = Vec::with_capacity(2 * pairs.len());
    let mut work = Vec::with_capacity(2 * pairs.len());
    let mut ranks = Vec::with_capacity(pairs.len());
    for (target, pair) in &pairs {
        let fail = |name: &str, reason: String| Err(Problem::field(name, reason).in_file(&file));
        let (Some((a_name, a)), Some((b_name, b))) = pair else {
            let name = pair.0.or(pair.1).map_or(target.as_str(), |(name, _)| name);
            return fail(name, "stands alone: the other matrix of its pair is missing".to_owned());
        };
        let ([rank, input], [output, columns]) = (sides(a_name, a, &file)?, sides(b_name, b, &file)?);
        if rank != columns {
            return fail(b_name, format!("has {columns} columns for the {rank} rows of {a_name}"));
        }
        if let Some(heads) = base.turned(target)
            && !output.is_multiple_of(2 * heads)
        {
            let reason = format!(
                "has {output} rows, which are no {heads} heads: the adapter was made for another model"
            );
            return fail(b_name, reason);
        }
        let mut add = |end: &str, shape: Vec<usize>| {
            table.push(Entry { name: format!("{target}.{end}"), shape, kind: ElementType::F32 });
        };
        add("lora_a", vec![input, rank]);
        add("lora_b", vec![rank, output]);
        work.push((*a_name, *a, None));
        work.push((*b_name, *b, base.turned(target).map(|heads| (heads, rank))));
        settings.factor(rank)?;
        ranks.push(rank);
    }
    let Some(rank) = ranks.first().copied() else {
        return Err(Problem::field("header", "there are no matrices in it").in_file(&file));
    };
    let alpha = if settings.root {
        if ranks.iter().any(|other| *other != rank) {
            let reason = "with ranks that differ (rank_pattern) is not converted";
            return Err(Problem::field("use_rslora", reason).in_file(&config));
        }
        settings.alpha * (rank as f64).sqrt()
    } else {
        settings.alpha
    };
    let head = meta(base, alpha);
    persist(out, |temporary| {
        let mut writer = BufWriter::with_capacity(1 << 20, temporary);
        write_head(&mut writer, &head, &table).in_file(out)?;
        let (mut bytes, mut values) = (Vec::new(), Vec::new());
        for ((name, source, turned), entry) in work.iter().zip(&table) {
            weights.read(source, 0, source.shape.iter().product(), &mut bytes)?;
            widen(source.dtype, &bytes, &mut values);
            if let Some(bad) = values.iter().find(|value| !value.is_finite()) {
                let reason = format!("holds {bad}, which is no number to add");
                return Err(Problem::field(*name, reason).in_file(&file));
            }
            if let Some((heads, columns)) = *turned {
                values = turn(&values, heads, columns, false);
            }
            bytes.clear();
            bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            writer.write_all(&bytes).in_file(out)?;
            writer.write_all(padding(entry.bytes())).in_file(out)?;
        }
        writer.flush().in_file(out)
    })?;
    let parameters = table.iter().map(|entry| entry.shape.iter().product::<usize>() as u64).sum();
    Ok(AdapterSummary { family: base.family.clone(), pairs: pairs.len(), parameters })
}

/// What stands before the matrices. The heads are for the way back; engines pass them over.
fn meta(base: &Base, alpha: f64) -> Meta {
    let mut meta = Meta::default();
    meta.string("general.architecture", &base.family);
    meta.string("general.type", "adapter");
    meta.string("adapter.type", "lora");
    meta.f32(LORA_ALPHA, alpha as f32);
    meta.u32(&format!("{}.attention.head_count", base.family), base.heads as u32);
    meta.u32(&format!("{}.attention.head_count_kv", base.family), base.kv_heads as u32);
    meta
}

/// A matrix's rows and columns.
fn sides(name: &str, source: &Source, file: &Path) -> Result<[usize; 2], CheckpointError> {
    let fail = |reason: String| Err(Problem::field(name, reason).in_file(file));
    if source_bytes(source.dtype).is_none() {
        return fail(format!("has elements of type {:?}; F32, F16 and BF16 are known", source.dtype));
    }
    match source.shape[..] {
        [rows, columns] if rows > 0 && columns > 0 => Ok([rows, columns]),
        _ => fail(format!("has shape {:?}, which is no matrix", source.shape)),
    }
}
