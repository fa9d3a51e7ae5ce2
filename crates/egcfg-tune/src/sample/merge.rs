//! A base and an adapter as one GGUF file, for programs that know no adapters. The maps that the adapter changes are stored as
//! half-precision numbers; everything else stays as it is, quantised too.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file::{self, Content, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{DType, Device, Tensor};
use egcfg_hub::adapter::{Settings, is_peft};

use crate::error::TuneError;
use crate::files::{open_named, read_tensors};
use crate::train::{ADAPTER_WEIGHTS, Target};

/// Writes `base` with the adapter of a PEFT folder merged in, whole or not at all.
pub fn merge_adapter(base: &Path, adapter: &Path, out: &Path) -> Result<(), TuneError> {
    if !is_peft(adapter) {
        let reason = "without adapter_config.json it is no PEFT folder (hint: `egcfg convert` makes one of a GGUF adapter)";
        let reason = reason.to_owned();
        return Err(TuneError::Base { path: adapter.to_owned(), reason });
    }
    let settings = Settings::of_folder(adapter)?;
    let weights_path = adapter.join(ADAPTER_WEIGHTS);
    let weights = read_tensors(&weights_path, &Device::Cpu)?;
    let mut file = BufReader::new(open_named(base)?);
    let content = Content::read(&mut file).map_err(|error| TuneError::base(base, &error))?;
    let mut merge = Merge { weights, settings, used: 0, path: weights_path.clone() };
    let mut names: Vec<&String> = content.tensor_infos.keys().collect();
    names.sort();
    let mut tensors: Vec<(&str, QTensor)> = Vec::with_capacity(names.len());
    for name in names {
        let tensor = content.tensor(&mut file, name, &Device::Cpu);
        let tensor = tensor.map_err(|error| TuneError::base(base, &error))?;
        let merged = merge.tensor(&content, name, &tensor)?;
        tensors.push((name, merged.unwrap_or(tensor)));
    }
    if merge.used * 2 != merge.weights.len() {
        let reason = format!(
            "{} of {} matrices fit no tensor of the base",
            merge.weights.len() - merge.used * 2,
            merge.weights.len()
        );
        return Err(TuneError::Base { path: weights_path, reason });
    }
    // In one order, so that the same merge gives the same file.
    let mut metadata: Vec<(&str, &Value)> =
        content.metadata.iter().map(|(name, value)| (name.as_str(), value)).collect();
    metadata.sort_by_key(|(name, _)| *name);
    let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(name, tensor)| (*name, tensor)).collect();
    let beside = out.with_extension("gguf.part");
    let made = File::create(&beside).map_err(|error| TuneError::file("write", &beside, &error))?;
    let mut writer = BufWriter::new(made);
    gguf_file::write(&mut writer, &metadata, &tensors)?;
    let closed = writer.flush().and_then(|()| writer.get_ref().sync_all());
    let done = closed.and_then(|()| std::fs::rename(&beside, out));
    done.map_err(|error| TuneError::file("write", out, &error))
}

struct Merge {
    weights: HashMap<String, Tensor>,
    settings: Settings,
    used: usize,
    /// Where the weights are from.
    path: PathBuf,
}

impl Merge {
    /// The tensor with its adapter's part added, where it has one.
    fn tensor(
        &mut self,
        content: &Content,
        name: &str,
        tensor: &QTensor,
    ) -> Result<Option<QTensor>, TuneError> {
        let Some((layer, target)) = place(name) else { return Ok(None) };
        let prefix = format!("base_model.model.model.layers.{layer}.{}", target.place());
        let find = |part: &str| self.weights.get(&format!("{prefix}.{part}.weight"));
        let (Some(a), Some(b)) = (find("lora_A"), find("lora_B")) else { return Ok(None) };
        let (rows, columns, sides) = (b.dims2()?.0, a.dims2()?.1, tensor.shape().dims2()?);
        if (rows, columns) != sides {
            let reason = format!(
                "{prefix} is {rows} by {columns}, the base's {} by {}: the adapter was made for another base",
                sides.0, sides.1
            );
            return Err(TuneError::Base { path: self.path.clone(), reason });
        }
        let scale = self.settings.factor(a.dims2()?.0)?;
        let delta = (b.to_dtype(DType::F32)?.matmul(&a.to_dtype(DType::F32)?)? * scale)?;
        let delta = match target {
            Target::Q => pairs_from_halves(content, &delta, "attention.head_count")?,
            Target::K => pairs_from_halves(content, &delta, "attention.head_count_kv")?,
            _ => delta,
        };
        self.used += 1;
        let whole = (tensor.dequantize(&Device::Cpu)?.to_dtype(DType::F32)? + delta)?;
        Ok(Some(QTensor::quantize(&whole, GgmlDType::F16)?))
    }
}

/// The layer and map of a tensor's name, such as `blk.3.attn_q.weight`.
fn place(name: &str) -> Option<(usize, Target)> {
    let (layer, part) = name.strip_prefix("blk.")?.strip_suffix(".weight")?.split_once('.')?;
    let target = match part {
        "attn_q" => Target::Q,
        "attn_k" => Target::K,
        "attn_v" => Target::V,
        "attn_output" => Target::O,
        "ffn_gate" => Target::Gate,
        "ffn_up" => Target::Up,
        "ffn_down" => Target::Down,
        _ => return None,
    };
    Some((layer.parse().ok()?, target))
}

/// Rows from the checkpoints' order into that of a `llama` file (see the trainer's base).
fn pairs_from_halves(content: &Content, rows: &Tensor, heads: &str) -> Result<Tensor, TuneError> {
    let Some(Value::String(architecture)) = content.metadata.get("general.architecture") else {
        return Ok(rows.clone());
    };
    if architecture != "llama" {
        return Ok(rows.clone());
    }
    let count =
        |name: &str| content.metadata.get(&format!("{architecture}.{name}")).and_then(|v| v.to_u32().ok());
    let heads = count(heads).or_else(|| count("attention.head_count")).unwrap_or(1) as usize;
    let (out, input) = rows.dims2()?;
    let moved = rows.reshape((heads, 2, out / heads / 2, input))?.transpose(1, 2)?.contiguous()?;
    Ok(moved.reshape((out, input))?)
}
