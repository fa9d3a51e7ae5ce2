//! From a GGUF adapter to PEFT's folder: first the weights, then the configuration that names them, each whole or not at all.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use egcfg_gguf::{Adapter, HeadError, values};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Map, json};

use super::base::{Base, turn};
use super::names::module;
use super::peft::{CONFIG, WEIGHTS, config};
use super::summary::AdapterSummary;
use crate::checkpoint::persist;
use crate::error::{CheckpointError, InFile as _, Problem};

/// Writes a folder with the adapter of a file. The base is told by `base`, or by the file where it was written here;
/// `base_name` is what the configuration calls it.
pub fn to_peft(
    path: &Path,
    base: Option<Base>,
    base_name: &str,
    folder: &Path,
) -> Result<AdapterSummary, CheckpointError> {
    let broken = |error: HeadError| Problem::field(error.field, error.reason).in_file(path);
    let adapter = Adapter::open(path).map_err(broken)?;
    let Some(base) = base.or_else(|| Base::of_head(&adapter.head)) else {
        let reason = "the file does not tell the heads of its base, in whose order its rows are: name the base (--base)";
        return Err(Problem::field("attention.head_count", reason).in_file(path));
    };
    base.check(path)?;
    let rank = adapter.pairs.first().map_or(1, egcfg_gguf::Pair::rank);
    let alpha = adapter.alpha.unwrap_or(rank as f64);
    let (mut tensors, mut ranks, mut modules) = (BTreeMap::new(), Map::new(), Vec::new());
    for pair in &adapter.pairs {
        let name = module(&pair.target).ok_or_else(|| {
            Problem::field(pair.target.as_str(), "is no tensor that PEFT has a module for").in_file(path)
        })?;
        let (own, output, input) = (pair.rank() as usize, pair.b.shape[1] as usize, pair.a.shape[0] as usize);
        let a = values(path, &adapter.head, &pair.a).map_err(broken)?;
        let mut b = values(path, &adapter.head, &pair.b).map_err(broken)?;
        if let Some(heads) = base.turned(&pair.target) {
            if !output.is_multiple_of(2 * heads) {
                let reason =
                    format!("has {output} rows, which are no {heads} heads: it was made for another base");
                return Err(Problem::field(pair.b.name.as_str(), reason).in_file(path));
            }
            b = turn(&b, heads, own, true);
        }
        // PEFT divides by the pair's own rank.
        let extra = adapter.factor(pair) / (alpha / own as f64);
        if (extra - 1.0).abs() > 1e-9 {
            for value in &mut b {
                *value = (f64::from(*value) * extra) as f32;
            }
        }
        if pair.rank() != rank {
            ranks.insert(name.clone(), json!(own));
        }
        let short = name.rsplit('.').next().unwrap_or(&name).to_owned();
        if !modules.contains(&short) {
            modules.push(short);
        }
        for (part, values, shape) in [("lora_A", a, vec![own, input]), ("lora_B", b, vec![output, own])] {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            tensors.insert(format!("base_model.model.{name}.{part}.weight"), (shape, bytes));
        }
    }
    modules.sort();
    let parameters = tensors.values().map(|(_, bytes)| bytes.len() as u64 / 4).sum();
    std::fs::create_dir_all(folder).in_file(folder)?;
    let out = folder.join(WEIGHTS);
    let odd = |error: safetensors::SafeTensorError| Problem::field("header", error.to_string()).in_file(&out);
    let mut views = Vec::with_capacity(tensors.len());
    for (name, (shape, bytes)) in &tensors {
        views.push((name, TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(odd)?));
    }
    // PEFT asks for the mark of the library that the tensors are for.
    let mark = [("format".to_owned(), "pt".to_owned())].into_iter().collect();
    let bytes = safetensors::serialize(views, Some(mark)).map_err(odd)?;
    persist(&out, |file| file.write_all(&bytes).in_file(&out))?;
    let out = folder.join(CONFIG);
    let text = format!("{:#}\n", config(base_name, rank, alpha, &modules, &ranks));
    persist(&out, |file| file.write_all(text.as_bytes()).in_file(&out))?;
    Ok(AdapterSummary { family: base.family, pairs: adapter.pairs.len(), parameters })
}
