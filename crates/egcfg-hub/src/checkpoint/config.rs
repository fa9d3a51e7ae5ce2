//! `config.json`: which of the known architectures a checkpoint is, and the numbers that its computation needs. Whatever
//! would change the computation and is not known here is an error that names the field, never ignored.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::Problem;
use egcfg_gguf::Meta;

/// The kinds of computation that can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Architecture {
    /// `LlamaForCausalLM`: DeepSeek-Coder, CodeLlama, SmolLM.
    Llama,
    /// `Qwen2ForCausalLM`: Qwen2.5-Coder.
    Qwen2,
}

impl Architecture {
    /// The name in GGUF, which is the prefix of its keys too.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Qwen2 => "qwen2",
        }
    }

    /// Whether GGUF rotates neighbouring elements where safetensors rotate the two halves of a head: the rows of the query
    /// and key matrices are put in another order then.
    pub(crate) fn interleaves(self) -> bool {
        self == Self::Llama
    }
}

/// The fields of `config.json` that are read.
#[derive(Debug, Deserialize)]
struct Raw {
    architectures: Option<Vec<String>>,
    hidden_size: Option<u32>,
    intermediate_size: Option<u32>,
    num_hidden_layers: Option<u32>,
    num_attention_heads: Option<u32>,
    num_key_value_heads: Option<u32>,
    head_dim: Option<u32>,
    max_position_embeddings: Option<u32>,
    vocab_size: Option<u32>,
    rms_norm_eps: Option<f32>,
    rope_theta: Option<f32>,
    rope_scaling: Option<Map<String, Value>>,
    /// Where newer versions keep both of the above.
    rope_parameters: Option<Map<String, Value>>,
    tie_word_embeddings: Option<bool>,
    hidden_act: Option<String>,
    partial_rotary_factor: Option<f64>,
    use_sliding_window: Option<bool>,
    quantization_config: Option<Value>,
    bos_token_id: Option<u32>,
    eos_token_id: Option<Value>,
}

/// How positions are stretched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum RopeScaling {
    None,
    /// Positions are divided by the factor.
    Linear(f32),
    /// YaRN: the factor, and the context before it.
    Yarn(f32, u32),
}

/// What `config.json` says.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) architecture: Architecture,
    pub(crate) width: usize,
    pub(crate) inner: usize,
    pub(crate) layers: usize,
    pub(crate) heads: usize,
    pub(crate) kv_heads: usize,
    pub(crate) head: usize,
    pub(crate) vocab: usize,
    pub(crate) tied: bool,
    context: u32,
    epsilon: f32,
    rope_base: f32,
    rope: RopeScaling,
    pub(crate) bos: Option<u32>,
    pub(crate) eos: Vec<u32>,
}

/// A required field that is at least 1.
fn required(value: Option<u32>, field: &str) -> Result<u32, Problem> {
    match value {
        Some(0) | None => Err(Problem::field(field, "is missing or 0")),
        Some(value) => Ok(value),
    }
}

/// Larger vocabularies than any model's: a table is made of this size before the weights can be compared with it.
const MOST_TOKENS: u32 = 1 << 22;

fn vocabulary(size: u32) -> Result<usize, Problem> {
    if size > MOST_TOKENS {
        return Err(Problem::field("vocab_size", format!("{size} is more than {MOST_TOKENS}")));
    }
    Ok(size as usize)
}

impl Config {
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Problem> {
        let raw: Raw = serde_json::from_slice(text)?;
        let architecture = architecture(raw.architectures.as_deref().unwrap_or_default())?;
        refuse_what_is_unknown(&raw, architecture)?;
        let width = required(raw.hidden_size, "hidden_size")? as usize;
        let heads = required(raw.num_attention_heads, "num_attention_heads")? as usize;
        let kv_heads =
            required(raw.num_key_value_heads.or(raw.num_attention_heads), "num_key_value_heads")? as usize;
        if !heads.is_multiple_of(kv_heads) {
            return Err(Problem::field(
                "num_key_value_heads",
                format!("{kv_heads} does not divide {heads} heads"),
            ));
        }
        let head = match raw.head_dim {
            Some(head) => required(Some(head), "head_dim")? as usize,
            None if width.is_multiple_of(heads) => width / heads,
            None => {
                return Err(Problem::field(
                    "num_attention_heads",
                    format!("{heads} does not divide {width}"),
                ));
            }
        };
        if head % 2 != 0 {
            return Err(Problem::field("head_dim", format!("{head} is odd")));
        }
        let (rope, base) = rope(&raw)?;
        Ok(Self {
            architecture,
            width,
            inner: required(raw.intermediate_size, "intermediate_size")? as usize,
            layers: required(raw.num_hidden_layers, "num_hidden_layers")? as usize,
            heads,
            kv_heads,
            head,
            vocab: vocabulary(required(raw.vocab_size, "vocab_size")?)?,
            tied: raw.tie_word_embeddings.unwrap_or(false),
            context: required(raw.max_position_embeddings, "max_position_embeddings")?,
            epsilon: raw.rms_norm_eps.ok_or_else(|| Problem::field("rms_norm_eps", "is missing"))?,
            rope_base: base,
            rope,
            bos: raw.bos_token_id,
            eos: ids(raw.eos_token_id.as_ref()),
        })
    }

    /// The keys of the architecture.
    pub(crate) fn write(&self, meta: &mut Meta) {
        let name = self.architecture.name();
        let mut number = |key: &str, value: u32| meta.u32(&format!("{name}.{key}"), value);
        number("context_length", self.context);
        number("embedding_length", self.width as u32);
        number("block_count", self.layers as u32);
        number("feed_forward_length", self.inner as u32);
        number("attention.head_count", self.heads as u32);
        number("attention.head_count_kv", self.kv_heads as u32);
        number("rope.dimension_count", self.head as u32);
        number("vocab_size", self.vocab as u32);
        if self.head * self.heads != self.width {
            number("attention.key_length", self.head as u32);
            number("attention.value_length", self.head as u32);
        }
        meta.f32(&format!("{name}.attention.layer_norm_rms_epsilon"), self.epsilon);
        meta.f32(&format!("{name}.rope.freq_base"), self.rope_base);
        match self.rope {
            RopeScaling::None => meta.string(&format!("{name}.rope.scaling.type"), "none"),
            RopeScaling::Linear(factor) => {
                meta.string(&format!("{name}.rope.scaling.type"), "linear");
                meta.f32(&format!("{name}.rope.scaling.factor"), factor);
            }
            RopeScaling::Yarn(factor, original) => {
                meta.string(&format!("{name}.rope.scaling.type"), "yarn");
                meta.f32(&format!("{name}.rope.scaling.factor"), factor);
                meta.u32(&format!("{name}.rope.scaling.original_context_length"), original);
            }
        }
    }
}

fn architecture(names: &[String]) -> Result<Architecture, Problem> {
    match names.first().map(String::as_str) {
        Some("LlamaForCausalLM") => Ok(Architecture::Llama),
        Some("Qwen2ForCausalLM") => Ok(Architecture::Qwen2),
        other => Err(Problem::field(
            "architectures",
            format!(
                "{} is not known; LlamaForCausalLM and Qwen2ForCausalLM are",
                other.map_or("nothing".to_owned(), |name| format!("{name:?}"))
            ),
        )),
    }
}

fn refuse_what_is_unknown(raw: &Raw, architecture: Architecture) -> Result<(), Problem> {
    if let Some(act) = raw.hidden_act.as_deref().filter(|act| *act != "silu") {
        return Err(Problem::field("hidden_act", format!("{act:?} is not known; silu is")));
    }
    if raw.partial_rotary_factor.is_some_and(|part| (part - 1.0).abs() > 1e-9) {
        return Err(Problem::field("partial_rotary_factor", "only whole heads can be rotated"));
    }
    if raw.use_sliding_window == Some(true) && architecture == Architecture::Qwen2 {
        return Err(Problem::field("use_sliding_window", "sliding windows are not converted"));
    }
    if raw.quantization_config.as_ref().is_some_and(|value| !value.is_null()) {
        return Err(Problem::field(
            "quantization_config",
            "the weights are quantised already; take the original checkpoint",
        ));
    }
    Ok(())
}

/// The stretching of positions, and the base of the rotation.
fn rope(raw: &Raw) -> Result<(RopeScaling, f32), Problem> {
    let (place, fields) = match (&raw.rope_parameters, &raw.rope_scaling) {
        (Some(fields), _) => ("rope_parameters", Some(fields)),
        (None, fields) => ("rope_scaling", fields.as_ref()),
    };
    let number = |field: &str| fields.and_then(|fields| fields.get(field)).and_then(Value::as_f64);
    let base = number("rope_theta").map(|base| base as f32).or(raw.rope_theta).unwrap_or(10_000.0);
    if !(base > 0.0 && base.is_finite()) {
        return Err(Problem::field("rope_theta", format!("{base} is no base")));
    }
    let Some(fields) = fields else { return Ok((RopeScaling::None, base)) };
    let kind = ["rope_type", "type"].iter().find_map(|key| fields.get(*key)).and_then(Value::as_str);
    let factor = || match number("factor") {
        Some(factor) if factor > 0.0 && factor.is_finite() => Ok(factor as f32),
        _ => Err(Problem::field(format!("{place}.factor"), "is missing or no positive number")),
    };
    let scaling = match kind {
        None | Some("default") => RopeScaling::None,
        Some("linear") => RopeScaling::Linear(factor()?),
        Some("yarn") => {
            // What changes the computation beside these two is not written, so it must not be there.
            if let Some(other) = ["attention_factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim"]
                .iter()
                .find(|key| fields.get(**key).is_some_and(|value| !value.is_null()))
            {
                return Err(Problem::field(format!("{place}.{other}"), "is not converted"));
            }
            let original = number("original_max_position_embeddings").map(|length| length as u32);
            RopeScaling::Yarn(
                factor()?,
                required(original, &format!("{place}.original_max_position_embeddings"))?,
            )
        }
        Some(other) => {
            return Err(Problem::field(
                format!("{place}.rope_type"),
                format!("{other:?} is not known; default, linear and yarn are"),
            ));
        }
    };
    Ok((scaling, base))
}

/// One id or a list of them.
pub(crate) fn ids(value: Option<&Value>) -> Vec<u32> {
    match value {
        Some(Value::Array(values)) => values.iter().filter_map(Value::as_u64).map(|id| id as u32).collect(),
        Some(value) => value.as_u64().map(|id| id as u32).into_iter().collect(),
        None => Vec::new(),
    }
}
