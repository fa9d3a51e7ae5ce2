//! PEFT's folder: which files it is, what its configuration must say, and the configuration that is written. Every kind of
//! adapter that would compute something else than `W + alpha / r * B A` is refused by its field, kinds of later versions too,
//! as long as they are switched on by a field `use_...`.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::error::{CheckpointError, InFile as _, Problem};

/// Name of the configuration, by which a folder is known as an adapter's.
pub const CONFIG: &str = "adapter_config.json";
/// Name of the weights.
pub(crate) const WEIGHTS: &str = "adapter_model.safetensors";
/// Weights as pickled objects, which could run any program when read.
const PICKLED: &str = "adapter_model.bin";

/// Fields that must be unset, and what they would do.
const UNSET: [(&str, &str); 8] = [
    ("alpha_pattern", "gives modules a scale of their own"),
    ("modules_to_save", "replaces whole weights"),
    ("trainable_token_indices", "replaces rows of the embedding"),
    ("target_parameters", "changes parameters that are no modules"),
    ("layer_replication", "changes the number of layers"),
    ("alora_invocation_tokens", "switches the adapter on by a text inside the prompt"),
    ("arrow_config", "chooses among adapters by the input"),
    ("megatron_config", "splits the matrices over machines"),
];

/// Beginnings that take a part out of the base, which is then trained: the product alone is not what was learned.
const OVER_ANOTHER_BASE: [&str; 4] = ["pissa", "olora", "corda", "loftq"];

/// Whether a folder holds an adapter in PEFT's form.
pub fn is_peft(folder: &Path) -> bool {
    folder.join(CONFIG).is_file()
}

/// The files of an adapter.
pub(crate) fn sources(folder: &Path) -> Result<[PathBuf; 2], CheckpointError> {
    let weights = folder.join(WEIGHTS);
    if !weights.is_file() && folder.join(PICKLED).is_file() {
        let reason = "its weights are pickled (adapter_model.bin), which is not read; save it again with safe_serialization=True";
        return Err(Problem::field(WEIGHTS, reason).in_file(folder));
    }
    Ok([folder.join(CONFIG), weights])
}

/// What an adapter's configuration says of its product's size.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What the product is scaled by, before it is divided.
    pub(crate) alpha: f64,
    /// Divided by the root of the rank instead of the rank (rsLoRA).
    pub(crate) root: bool,
    /// The rank of all pairs, unless some have one of their own (`rank_pattern`).
    rank: Option<u64>,
    path: PathBuf,
}

impl Settings {
    /// Reads the configuration of a folder.
    ///
    /// # Errors
    /// When it is missing or asks for something else than LoRA; the error names the field.
    pub fn of_folder(folder: &Path) -> Result<Self, CheckpointError> {
        Self::read(&folder.join(CONFIG))
    }

    pub(crate) fn read(path: &Path) -> Result<Self, CheckpointError> {
        let text = egcfg_files::read_small_bytes(path).in_file(path)?;
        let value: Map<String, Value> = serde_json::from_slice(&text).in_file(path)?;
        let settings = Self::parse(&value).in_file(path)?;
        Ok(Self { path: path.to_owned(), ..settings })
    }

    /// What a pair's product is multiplied by.
    ///
    /// # Errors
    /// When the configuration gives another rank than the matrices have: PEFT could not load them.
    pub fn factor(&self, rank: usize) -> Result<f64, CheckpointError> {
        match self.rank {
            Some(said) if said != rank as u64 => {
                let reason = format!("is {said}, and the matrices have rank {rank}");
                Err(Problem::field("r", reason).in_file(&self.path))
            }
            _ if self.root => Ok(self.alpha / (rank as f64).sqrt()),
            _ => Ok(self.alpha / rank as f64),
        }
    }

    fn parse(value: &Map<String, Value>) -> Result<Self, Problem> {
        let get = |field: &str| value.get(field).unwrap_or(&Value::Null);
        match get("peft_type").as_str() {
            Some("LORA") => {}
            other => {
                let kind = other.unwrap_or("nothing");
                return Err(Problem::field("peft_type", format!("{kind:?} is not applied; LORA is")));
            }
        }
        for (field, what) in UNSET {
            if !empty(get(field)) {
                return Err(Problem::field(field, format!("{what}, which is not applied")));
            }
        }
        if let Some(kind) = get("init_lora_weights").as_str()
            && OVER_ANOTHER_BASE.iter().any(|own| kind.to_ascii_lowercase().starts_with(own))
        {
            let reason = format!(
                "{kind:?} changes the base too, which is not applied; save it converted to plain LoRA"
            );
            return Err(Problem::field("init_lora_weights", reason));
        }
        let switched = value.iter().find(|(field, on)| {
            field.starts_with("use_")
                && *field != "use_rslora"
                && !matches!(on, Value::Null | Value::Bool(false))
        });
        if let Some((field, _)) = switched {
            return Err(Problem::field(
                field.as_str(),
                "this kind of adapter is not applied; plain LoRA and rsLoRA are",
            ));
        }
        for field in ["fan_in_fan_out", "lora_bias"] {
            if get(field) == &Value::Bool(true) {
                return Err(Problem::field(field, "is not applied"));
            }
        }
        if !matches!(get("bias").as_str(), None | Some("none")) {
            return Err(Problem::field("bias", "the adapter changes biases, which is not applied"));
        }
        let rank = match get("r") {
            Value::Null => None,
            other => match other.as_u64().filter(|rank| *rank > 0) {
                Some(rank) => Some(rank).filter(|_| empty(get("rank_pattern"))),
                None => return Err(Problem::field("r", format!("{other} is no rank; it is 1 or more"))),
            },
        };
        match get("lora_alpha").as_f64() {
            Some(alpha) if alpha.is_finite() && alpha != 0.0 => {
                let root = get("use_rslora") == &Value::Bool(true);
                Ok(Self { alpha, root, rank, path: PathBuf::new() })
            }
            _ => Err(Problem::field("lora_alpha", "is missing, or no number other than 0")),
        }
    }
}

fn empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// A configuration that PEFT reads. `ranks` names the modules whose rank is another than `rank`.
pub(crate) fn config(
    base: &str,
    rank: u64,
    alpha: f64,
    modules: &[String],
    ranks: &Map<String, Value>,
) -> Value {
    json!({
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": rank,
        "lora_alpha": alpha,
        "lora_dropout": 0.0,
        "target_modules": modules,
        "rank_pattern": ranks,
        "bias": "none",
        "fan_in_fan_out": false,
        "inference_mode": true,
        "use_rslora": false,
        "use_dora": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_applied_is_refused_by_its_field() {
        let plain = || {
            let Value::Object(fields) = json!({ "peft_type": "LORA", "lora_alpha": 16, "r": 8, "use_dora": false, "use_qalora": null })
            else {
                unreachable!()
            };
            fields
        };
        let settings = Settings::parse(&plain()).unwrap();
        assert_eq!((settings.alpha, settings.root, settings.rank), (16.0, false, Some(8)));
        assert!((settings.factor(8).unwrap() - 2.0).abs() < 1e-12);
        let said = settings.factor(16).unwrap_err().problem.to_string();
        assert_eq!(said, "r: is 8, and the matrices have rank 16");
        for (field, value) in [
            ("peft_type", json!("IA3")),
            ("use_dora", json!(true)),
            ("use_of_a_later_version", json!(true)),
            ("alpha_pattern", json!({ "q_proj": 3 })),
            ("modules_to_save", json!(["lm_head"])),
            ("init_lora_weights", json!("pissa_niter_16")),
            ("bias", json!("all")),
            ("fan_in_fan_out", json!(true)),
            ("lora_alpha", json!(0)),
            ("lora_alpha", json!("16")),
            ("r", json!(0)),
            ("r", json!("8")),
        ] {
            let mut fields = plain();
            fields.insert(field.to_owned(), value);
            let said = Settings::parse(&fields).unwrap_err().to_string();
            assert!(said.starts_with(&format!("{field}: ")), "{said}");
        }
    }
}
