//! A low-rank adapter (LoRA, arXiv 2106.09685): per chosen linear map two small matrices, A `[r, in]` and B `[out, r]`,
//! whose product times `alpha / r` is added to the frozen map. Kept and stored in PEFT's layout, so that every program
//! of the field reads it.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::random::Random;
use super::settings::{Target, TrainSettings};
use crate::error::TuneError;
use crate::files::write_whole;

/// Name of the weights in an adapter's folder.
pub const WEIGHTS: &str = "adapter_model.safetensors";
/// Name of the description in an adapter's folder.
pub const CONFIG: &str = "adapter_config.json";

/// The two matrices of one map.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) a: Tensor,
    pub(crate) b: Tensor,
}

/// One pair per layer and target: an adapter, its gradient, or an average of either.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pairs {
    pub(crate) pairs: BTreeMap<(usize, Target), Pair>,
}

/// `adapter_config.json`, the fields that the field's programs ask for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PeftConfig {
    pub(crate) peft_type: String,
    pub(crate) task_type: String,
    pub(crate) base_model_name_or_path: String,
    pub(crate) r: usize,
    pub(crate) lora_alpha: f64,
    pub(crate) lora_dropout: f64,
    pub(crate) target_modules: Vec<String>,
    pub(crate) bias: String,
    pub(crate) fan_in_fan_out: bool,
    pub(crate) inference_mode: bool,
    pub(crate) use_rslora: bool,
    pub(crate) use_dora: bool,
}

/// Columns and rows of a target's frozen matrix.
pub(crate) type Sizes = dyn Fn(Target) -> (usize, usize);

impl Pairs {
    /// A new adapter: A uniform within `1 / sqrt(in)` as PEFT draws it, B zero, so that the model is unchanged at first.
    pub(crate) fn begin(
        settings: &TrainSettings,
        layers: usize,
        sizes: &Sizes,
        device: &Device,
    ) -> Result<Self, TuneError> {
        let mut pairs = BTreeMap::new();
        for layer in 0..layers {
            for target in &settings.lora_targets {
                let (input, output) = sizes(*target);
                let labels = ["adapter", &layer.to_string(), target.name()];
                let mut random = Random::new(settings.seed, &labels);
                let bound = 1.0 / (input as f64).sqrt();
                let drawn = 0..settings.lora_r * input;
                let values: Vec<f32> =
                    drawn.map(|_| ((random.uniform() * 2.0 - 1.0) * bound) as f32).collect();
                let a = Tensor::from_vec(values, (settings.lora_r, input), device)?;
                let b = Tensor::zeros((output, settings.lora_r), candle_core::DType::F32, device)?;
                pairs.insert((layer, *target), Pair { a, b });
            }
        }
        Ok(Self { pairs })
    }

    /// The matrices under PEFT's names.
    pub(crate) fn named(&self, prefix: &str) -> HashMap<String, Tensor> {
        let mut named = HashMap::new();
        for ((layer, target), pair) in &self.pairs {
            let place = format!("{prefix}base_model.model.model.layers.{layer}.{}", target.place());
            named.insert(format!("{place}.lora_A.weight"), pair.a.clone());
            named.insert(format!("{place}.lora_B.weight"), pair.b.clone());
        }
        named
    }

    /// The reverse of [`Self::named`]: pairs of these shapes out of a file's tensors.
    pub(crate) fn from_named(
        tensors: &HashMap<String, Tensor>,
        prefix: &str,
        settings: &TrainSettings,
        layers: usize,
        sizes: &Sizes,
        place: &Path,
    ) -> Result<Self, TuneError> {
        let mut pairs = BTreeMap::new();
        for layer in 0..layers {
            for target in &settings.lora_targets {
                let (input, output) = sizes(*target);
                let name = format!("{prefix}base_model.model.model.layers.{layer}.{}", target.place());
                let find = |part: &str, dims: [usize; 2]| {
                    let name = format!("{name}.{part}.weight");
                    let bad = |reason: String| TuneError::Base { path: place.to_owned(), reason };
                    let tensor = tensors.get(&name).ok_or_else(|| bad(format!("it has no {name}")))?;
                    if tensor.dims() != dims {
                        return Err(bad(format!("{name} is {:?}, expected {dims:?}", tensor.dims())));
                    }
                    Ok(tensor.clone())
                };
                let pair = Pair {
                    a: find("lora_A", [settings.lora_r, input])?,
                    b: find("lora_B", [output, settings.lora_r])?,
                };
                pairs.insert((layer, *target), pair);
            }
        }
        Ok(Self { pairs })
    }

    /// Adds another set of pairs, matrix by matrix.
    pub(crate) fn add(&mut self, key: (usize, Target), other: Pair) -> Result<(), TuneError> {
        match self.pairs.get_mut(&key) {
            Some(pair) => {
                pair.a = (&pair.a + other.a)?;
                pair.b = (&pair.b + other.b)?;
            }
            None => {
                self.pairs.insert(key, other);
            }
        }
        Ok(())
    }

    /// Euclidean norm over all matrices.
    pub(crate) fn norm(&self) -> Result<f64, TuneError> {
        let mut sum = 0.0;
        for pair in self.pairs.values() {
            for matrix in [&pair.a, &pair.b] {
                sum += f64::from(matrix.sqr()?.sum_all()?.to_scalar::<f32>()?);
            }
        }
        Ok(sum.sqrt())
    }

    /// Number of values.
    pub(crate) fn values(&self) -> usize {
        self.pairs.values().map(|pair| pair.a.elem_count() + pair.b.elem_count()).sum()
    }
}

/// Writes a PEFT folder: first the weights, then the description that names them, each whole or not at all.
pub(crate) fn save_peft(
    folder: &Path,
    adapter: &Pairs,
    settings: &TrainSettings,
    base: &str,
) -> Result<(), TuneError> {
    std::fs::create_dir_all(folder).map_err(|error| TuneError::file("make", folder, &error))?;
    save_tensors(&folder.join(WEIGHTS), &adapter.named(""))?;
    let config = PeftConfig {
        peft_type: "LORA".to_owned(),
        task_type: "CAUSAL_LM".to_owned(),
        base_model_name_or_path: base.to_owned(),
        r: settings.lora_r,
        lora_alpha: settings.lora_alpha,
        lora_dropout: settings.lora_dropout,
        target_modules: settings.lora_targets.iter().map(|t| t.name().to_owned()).collect(),
        bias: "none".to_owned(),
        fan_in_fan_out: false,
        inference_mode: true,
        use_rslora: false,
        use_dora: false,
    };
    let path = folder.join(CONFIG);
    let text = serde_json::to_string_pretty(&config).map_err(|error| TuneError::File {
        action: "write",
        path: path.clone(),
        reason: error.to_string(),
    })?;
    write_whole(&path, (text + "\n").as_bytes())
}

/// Writes tensors beside their place and renames the file when it is whole.
pub(crate) fn save_tensors(path: &Path, tensors: &HashMap<String, Tensor>) -> Result<(), TuneError> {
    let beside = path.with_extension("safetensors.part");
    candle_core::safetensors::save(tensors, &beside)?;
    let failed = |error: &std::io::Error| TuneError::file("write", path, error);
    std::fs::File::open(&beside).and_then(|file| file.sync_all()).map_err(|error| failed(&error))?;
    std::fs::rename(&beside, path).map_err(|error| failed(&error))
}
