//! The frozen base: a Llama-family GGUF file, quantised or not, as dequantised single-precision tensors. The rows of
//! `attn_q` and `attn_k` of a `llama` file lie in the order that llama.cpp's rotary embedding wants (neighbouring pairs);
//! they are put back into the order of the published checkpoints (halves), so that adapters trained here are PEFT's.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use candle_core::quantized::gguf_file::{Content, Value};
use candle_core::{DType, Device, Tensor};

use crate::error::TuneError;
use crate::files::open_named;

/// Shape of a Llama-family model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shape {
    pub(crate) layers: usize,
    pub(crate) width: usize,
    pub(crate) heads: usize,
    pub(crate) kv_heads: usize,
    /// Numbers per head.
    pub(crate) head: usize,
    pub(crate) feed_forward: usize,
    pub(crate) vocab: usize,
    pub(crate) epsilon: f64,
    pub(crate) rope_base: f64,
    /// Positions are divided by this (linear scaling); 1 without scaling.
    pub(crate) rope_scale: f64,
}

/// Frozen weights of one layer; matrices are `[out, in]`.
#[derive(Debug)]
pub(crate) struct LayerWeights {
    pub(crate) attention_norm: Tensor,
    pub(crate) q: Frozen,
    pub(crate) k: Frozen,
    pub(crate) v: Frozen,
    pub(crate) o: Frozen,
    pub(crate) ffn_norm: Tensor,
    pub(crate) gate: Frozen,
    pub(crate) up: Frozen,
    pub(crate) down: Frozen,
}

/// A frozen linear map.
#[derive(Debug)]
pub(crate) struct Frozen {
    pub(crate) weight: Tensor,
    pub(crate) bias: Option<Tensor>,
}

/// A frozen model.
#[derive(Debug)]
pub(crate) struct Base {
    pub(crate) shape: Shape,
    pub(crate) embedding: Tensor,
    pub(crate) layers: Vec<LayerWeights>,
    pub(crate) norm: Tensor,
    /// `[vocab, width]`; the embedding itself where the two are tied.
    pub(crate) head: Tensor,
    pub(crate) device: Device,
}

/// The facts of a file's header, read with errors that name the field.
struct Header<'a> {
    content: &'a Content,
    architecture: String,
    path: &'a Path,
}

impl Header<'_> {
    fn value(&self, name: &str) -> Option<&Value> {
        self.content.metadata.get(&format!("{}.{name}", self.architecture))
    }

    fn bad(&self, what: String) -> TuneError {
        TuneError::Base { path: self.path.to_owned(), reason: what }
    }

    fn count(&self, name: &str) -> Result<usize, TuneError> {
        let value =
            self.value(name).ok_or_else(|| self.bad(format!("it has no {}.{name}", self.architecture)))?;
        let number = match value {
            Value::U32(n) => u64::from(*n),
            Value::U64(n) => *n,
            Value::I32(n) => u64::try_from(*n).unwrap_or(0),
            _ => 0,
        };
        match usize::try_from(number) {
            Ok(count) if (1..=1 << 24).contains(&count) => Ok(count),
            _ => Err(self.bad(format!("{}.{name} is no sensible number", self.architecture))),
        }
    }

    fn real(&self, name: &str, otherwise: f64) -> Result<f64, TuneError> {
        match self.value(name) {
            None => Ok(otherwise),
            Some(Value::F32(x)) if x.is_finite() && *x > 0.0 => Ok(f64::from(*x)),
            Some(Value::F64(x)) if x.is_finite() && *x > 0.0 => Ok(*x),
            Some(_) => Err(self.bad(format!("{}.{name} is no positive number", self.architecture))),
        }
    }
}

impl Base {
    /// Reads a file. `device` holds the weights and everything that is computed with them.
    pub(crate) fn read(path: &Path, device: &Device) -> Result<Self, TuneError> {
        let file = open_named(path)?;
        let mut file = BufReader::new(file);
        let content = Content::read(&mut file).map_err(|error| TuneError::base(path, &error))?;
        let architecture = match content.metadata.get("general.architecture") {
            Some(Value::String(name)) => name.clone(),
            _ => String::new(),
        };
        let header = Header { content: &content, architecture, path };
        let shape = read_shape(&header)?;
        let mut read = Reader { content: &content, file: &mut file, device, path };
        let half_order = header.architecture == "llama";
        let embedding = read.tensor("token_embd.weight", &[shape.vocab, shape.width])?;
        let head = if content.tensor_infos.contains_key("output.weight") {
            read.tensor("output.weight", &[shape.vocab, shape.width])?
        } else {
            embedding.clone()
        };
        let norm = read.tensor("output_norm.weight", &[shape.width])?;
        let mut layers = Vec::with_capacity(shape.layers);
        for number in 0..shape.layers {
            layers.push(read_layer(&mut read, &shape, number, half_order)?);
        }
        Ok(Self { shape, embedding, layers, norm, head, device: device.clone() })
    }
}

fn read_shape(header: &Header<'_>) -> Result<Shape, TuneError> {
    if !matches!(header.architecture.as_str(), "llama" | "qwen2") {
        return Err(header.bad(format!(
            "its architecture is '{}' (hint: the built-in trainer knows llama and qwen2; `--trainer peft` knows the rest)",
            header.architecture
        )));
    }
    if header.value("expert_count").is_some_and(|v| !matches!(v, Value::U32(0))) {
        return Err(header.bad("it is a mixture of experts (hint: `--trainer peft`)".to_owned()));
    }
    let rope_scale = match header.value("rope.scaling.type") {
        None => 1.0,
        Some(Value::String(kind)) if kind == "none" => 1.0,
        Some(Value::String(kind)) if kind == "linear" => header.real("rope.scaling.factor", 1.0)?,
        Some(_) => {
            return Err(header.bad(
                "its rotary embedding is scaled other than linearly (hint: `--trainer peft`)".to_owned(),
            ));
        }
    };
    if header.content.tensor_infos.contains_key("rope_freqs.weight") {
        return Err(header
            .bad("it has frequencies of its own, rope_freqs.weight (hint: `--trainer peft`)".to_owned()));
    }
    let (width, heads) = (header.count("embedding_length")?, header.count("attention.head_count")?);
    let kv_heads = match header.value("attention.head_count_kv") {
        Some(_) => header.count("attention.head_count_kv")?,
        None => heads,
    };
    let head = match header.value("attention.key_length") {
        Some(_) => header.count("attention.key_length")?,
        None => width / heads,
    };
    let Some(embedding) = header.content.tensor_infos.get("token_embd.weight") else {
        return Err(header.bad("it has no token_embd.weight".to_owned()));
    };
    let shape = Shape {
        layers: header.count("block_count")?,
        width,
        heads,
        kv_heads,
        head,
        feed_forward: header.count("feed_forward_length")?,
        vocab: embedding.shape.dims().first().copied().unwrap_or(0),
        epsilon: header.real("attention.layer_norm_rms_epsilon", 1e-5)?,
        rope_base: header.real("rope.freq_base", 10000.0)?,
        rope_scale,
    };
    if heads % kv_heads != 0 || head % 2 != 0 {
        return Err(
            header.bad(format!("{heads} heads of {head} numbers over {kv_heads} key heads do not fit"))
        );
    }
    Ok(shape)
}

struct Reader<'a> {
    content: &'a Content,
    file: &'a mut BufReader<File>,
    device: &'a Device,
    path: &'a Path,
}

impl Reader<'_> {
    fn tensor(&mut self, name: &str, dims: &[usize]) -> Result<Tensor, TuneError> {
        let bad = |reason: String| TuneError::Base {
            path: self.path.to_owned(),
            reason: format!("{name}: {reason}"),
        };
        let found = self
            .content
            .tensor(self.file, name, self.device)
            .map_err(|error| TuneError::base(self.path, &error))?;
        if found.shape().dims() != dims {
            return Err(bad(format!("its shape is {:?}, expected {dims:?}", found.shape().dims())));
        }
        let whole = found.dequantize(self.device).and_then(|t| t.to_dtype(DType::F32));
        whole.map_err(|error| TuneError::base(self.path, &error))
    }

    fn optional(&mut self, name: &str, dims: &[usize]) -> Result<Option<Tensor>, TuneError> {
        if self.content.tensor_infos.contains_key(name) {
            self.tensor(name, dims).map(Some)
        } else {
            Ok(None)
        }
    }
}

fn read_layer(
    read: &mut Reader<'_>,
    shape: &Shape,
    number: usize,
    half_order: bool,
) -> Result<LayerWeights, TuneError> {
    let name = |part: &str| format!("blk.{number}.{part}");
    let mut linear = |part: &str, out: usize, input: usize, heads: usize| -> Result<Frozen, TuneError> {
        let weight = read.tensor(&name(&format!("{part}.weight")), &[out, input])?;
        let bias = read.optional(&name(&format!("{part}.bias")), &[out])?;
        if half_order && heads > 0 {
            let bias = bias.map(|b| halves_from_pairs(&b, heads)).transpose()?;
            return Ok(Frozen { weight: halves_from_pairs(&weight, heads)?, bias });
        }
        Ok(Frozen { weight, bias })
    };
    let (width, queries, keys) = (shape.width, shape.heads * shape.head, shape.kv_heads * shape.head);
    let q = linear("attn_q", queries, width, shape.heads)?;
    let k = linear("attn_k", keys, width, shape.kv_heads)?;
    let v = linear("attn_v", keys, width, 0)?;
    let o = linear("attn_output", width, queries, 0)?;
    let gate = linear("ffn_gate", shape.feed_forward, width, 0)?;
    let up = linear("ffn_up", shape.feed_forward, width, 0)?;
    let down = linear("ffn_down", width, shape.feed_forward, 0)?;
    let attention_norm = read.tensor(&name("attn_norm.weight"), &[width])?;
    let ffn_norm = read.tensor(&name("ffn_norm.weight"), &[width])?;
    Ok(LayerWeights { attention_norm, q, k, v, o, ffn_norm, gate, up, down })
}

/// Rows (or a bias) of a query or key matrix from llama.cpp's order, in which the two halves of each rotated pair are
/// neighbours, to the checkpoints' order, in which a head's first half comes before its second.
fn halves_from_pairs(rows: &Tensor, heads: usize) -> Result<Tensor, TuneError> {
    let dims = rows.dims().to_vec();
    let rest: usize = dims[1..].iter().product();
    let pairs = dims[0] / heads / 2;
    let moved = rows.reshape((heads, pairs, 2, rest))?.transpose(1, 2)?.contiguous()?;
    Ok(moved.reshape(dims)?)
}
