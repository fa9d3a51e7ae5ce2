//! A writer of GGUF files with random weights, for measurements: what a step costs depends on a model's shape, not on what
//! it has learned. The vocabulary is made so that the random text has lines: one token in ten begins a new, indented one.

use std::fs::File;
use std::io::{BufWriter, Result, Write};
use std::path::Path;

use crate::sampler::mix;

/// Tensor data is aligned to this many bytes (the format's default).
const ALIGNMENT: u64 = 32;
/// Type numbers of the format.
const U32: u32 = 4;
const I32: u32 = 5;
const F32: u32 = 6;
const BOOL: u32 = 7;
const STRING: u32 = 8;
const ARRAY: u32 = 9;
/// Tensor element types of the format.
const TENSOR_F32: u32 = 0;
const TENSOR_F16: u32 = 1;

/// The shape of a random Llama with f16 matrices and tied embeddings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RandomLlama {
    /// Entries of the vocabulary; at least 300.
    pub vocab: usize,
    /// Width of the residual stream; a multiple of `heads`.
    pub width: usize,
    /// Width of the feed-forward layers.
    pub inner: usize,
    /// Number of layers.
    pub layers: usize,
    /// Attention heads (as many for keys and values).
    pub heads: usize,
    /// Context length in tokens.
    pub context: usize,
    /// Seed of the weights.
    pub seed: u64,
}

impl RandomLlama {
    /// About 98 million parameters: 12 layers of width 768, a vocabulary of 16384 (196 MB).
    pub fn hundred_million() -> Self {
        Self { vocab: 16384, width: 768, inner: 2048, layers: 12, heads: 12, context: 4096, seed: 1 }
    }

    /// Number of parameters.
    pub fn parameters(&self) -> usize {
        let layer = 4 * self.width * self.width + 3 * self.width * self.inner + 2 * self.width;
        self.vocab * self.width + self.layers * layer + self.width
    }

    /// Writes the file.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut out = BufWriter::new(File::create(path)?);
        let head = self.header();
        out.write_all(&head)?;
        pad(&mut out, head.len() as u64)?;
        let mut state = self.seed;
        for tensor in self.tensors() {
            tensor.write(&mut state, &mut out)?;
        }
        out.flush()
    }

    fn header(&self) -> Vec<u8> {
        let mut meta = Meta::default();
        meta.string("general.architecture", "llama");
        meta.string("general.name", "random");
        meta.u32("llama.context_length", self.context);
        meta.u32("llama.embedding_length", self.width);
        meta.u32("llama.block_count", self.layers);
        meta.u32("llama.feed_forward_length", self.inner);
        meta.u32("llama.attention.head_count", self.heads);
        meta.u32("llama.attention.head_count_kv", self.heads);
        meta.u32("llama.rope.dimension_count", self.width / self.heads);
        meta.f32("llama.attention.layer_norm_rms_epsilon", 1e-5);
        meta.string("tokenizer.ggml.model", "gpt2");
        meta.string("tokenizer.ggml.pre", "gpt-2");
        meta.strings("tokenizer.ggml.tokens", &self.texts());
        // Type 3 is a control token, 1 a normal one.
        let kinds: Vec<i32> = (0..self.vocab).map(|id| if id == 0 { 3 } else { 1 }).collect();
        meta.i32s("tokenizer.ggml.token_type", &kinds);
        meta.strings("tokenizer.ggml.merges", &["\u{120} \u{120}".to_owned()]);
        meta.u32("tokenizer.ggml.eos_token_id", 0);
        meta.flag("tokenizer.ggml.add_bos_token", false);
        let tensors = self.tensors();
        let mut head = b"GGUF".to_vec();
        head.extend(3_u32.to_le_bytes());
        head.extend((tensors.len() as u64).to_le_bytes());
        head.extend(meta.count.to_le_bytes());
        head.extend(&meta.bytes);
        let mut offset = 0;
        for tensor in &tensors {
            put_string(&mut head, &tensor.name);
            head.extend((tensor.shape.len() as u32).to_le_bytes());
            for side in &tensor.shape {
                head.extend((*side as u64).to_le_bytes());
            }
            head.extend(if tensor.shape.len() == 1 { TENSOR_F32 } else { TENSOR_F16 }.to_le_bytes());
            head.extend(u64::to_le_bytes(offset));
            offset = (offset + tensor.bytes()).next_multiple_of(ALIGNMENT);
        }
        head
    }

    /// An end token, the 256 bytes, two spaces, then words; every tenth word stands at the start of an indented line.
    fn texts(&self) -> Vec<String> {
        let mut texts = vec!["<|end|>".to_owned()];
        texts.extend((0..=255).map(|byte| byte_letter(byte).to_string()));
        texts.push("\u{120}\u{120}".to_owned());
        while texts.len() < self.vocab {
            let mut rest = texts.len();
            let mut word = String::new();
            while rest > 0 {
                word.push(char::from(b'a' + (rest % 26) as u8));
                rest /= 26;
            }
            let start = if texts.len() % 10 == 0 { "\u{10a}\u{120}\u{120}\u{120}\u{120}" } else { "\u{120}" };
            texts.push(format!("{start}{word}_"));
        }
        texts
    }

    fn tensors(&self) -> Vec<Tensor> {
        let (width, inner) = (self.width, self.inner);
        let mut all = vec![
            Tensor::new("token_embd.weight", vec![width, self.vocab]),
            Tensor::new("output_norm.weight", vec![width]),
        ];
        for layer in 0..self.layers {
            let mut add = |name: &str, shape: Vec<usize>| {
                all.push(Tensor::new(&format!("blk.{layer}.{name}.weight"), shape));
            };
            add("attn_norm", vec![width]);
            add("attn_q", vec![width, width]);
            add("attn_k", vec![width, width]);
            add("attn_v", vec![width, width]);
            add("attn_output", vec![width, width]);
            add("ffn_norm", vec![width]);
            add("ffn_gate", vec![width, inner]);
            add("ffn_up", vec![width, inner]);
            add("ffn_down", vec![inner, width]);
        }
        all
    }
}

/// A tensor to write: vectors are norms (all ones, f32), matrices random (f16).
struct Tensor {
    name: String,
    /// Sides, the contiguous one first.
    shape: Vec<usize>,
}

impl Tensor {
    fn new(name: &str, shape: Vec<usize>) -> Self {
        Self { name: name.to_owned(), shape }
    }

    fn bytes(&self) -> u64 {
        let elements: usize = self.shape.iter().product();
        (if self.shape.len() == 1 { 4 } else { 2 } * elements) as u64
    }

    fn write(&self, state: &mut u64, out: &mut impl Write) -> Result<()> {
        let elements: usize = self.shape.iter().product();
        if self.shape.len() == 1 {
            for _ in 0..elements {
                out.write_all(&1_f32.to_le_bytes())?;
            }
        } else {
            // Variance 1 / inputs keeps the activations' size from layer to layer.
            let scale = 1.0 / (self.shape[0] as f32).sqrt();
            for _ in 0..elements {
                *state = state.wrapping_add(1);
                out.write_all(&half(scale * bell(mix(*state))).to_le_bytes())?;
            }
        }
        pad(out, self.bytes())
    }
}

/// A roughly normal number of variance 1 from 64 random bits: the sum of four uniform ones (variance 1/12 each).
fn bell(bits: u64) -> f32 {
    let sum: u32 = (0..4).map(|part| ((bits >> (16 * part)) & 0xffff) as u32).sum();
    (sum as f32 / 65536.0 - 2.0) * 3.0_f32.sqrt()
}

/// The nearest half-precision number's bits, for magnitudes below 65504; what is below the smallest normal number is 0.
fn half(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = ((bits >> 16) & 0x8000) as u16;
    let rounded = (bits & 0x7fff_ffff) + 0x1000;
    let exponent = rounded >> 23;
    if exponent < 113 {
        return sign;
    }
    sign | ((((exponent - 112) << 10) | ((rounded >> 13) & 0x3ff)) as u16)
}

/// The printable letter that GPT-2's vocabularies write a byte as: itself where printable, else one from U+0100 on.
fn byte_letter(byte: u8) -> char {
    let printable = |b: u8| matches!(b, 33..=126 | 161..=172 | 174..=255);
    if printable(byte) {
        return char::from(byte);
    }
    let rank = (0..byte).filter(|b| !printable(*b)).count() as u32;
    char::from_u32(256 + rank).unwrap_or('?')
}

fn pad(out: &mut impl Write, written: u64) -> Result<()> {
    let missing = written.next_multiple_of(ALIGNMENT) - written;
    out.write_all(&[0; ALIGNMENT as usize][..missing as usize])
}

fn put_string(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}

/// The file's key-value section.
#[derive(Default)]
struct Meta {
    count: u64,
    bytes: Vec<u8>,
}

impl Meta {
    fn key(&mut self, key: &str, kind: u32) {
        self.count += 1;
        put_string(&mut self.bytes, key);
        self.bytes.extend(kind.to_le_bytes());
    }

    fn string(&mut self, key: &str, value: &str) {
        self.key(key, STRING);
        put_string(&mut self.bytes, value);
    }

    fn u32(&mut self, key: &str, value: usize) {
        self.key(key, U32);
        self.bytes.extend((value as u32).to_le_bytes());
    }

    fn f32(&mut self, key: &str, value: f32) {
        self.key(key, F32);
        self.bytes.extend(value.to_le_bytes());
    }

    fn flag(&mut self, key: &str, value: bool) {
        self.key(key, BOOL);
        self.bytes.push(u8::from(value));
    }

    fn array(&mut self, key: &str, kind: u32, length: usize) {
        self.key(key, ARRAY);
        self.bytes.extend(kind.to_le_bytes());
        self.bytes.extend((length as u64).to_le_bytes());
    }

    fn strings(&mut self, key: &str, values: &[String]) {
        self.array(key, STRING, values.len());
        for value in values {
            put_string(&mut self.bytes, value);
        }
    }

    fn i32s(&mut self, key: &str, values: &[i32]) {
        self.array(key, I32, values.len());
        for value in values {
            self.bytes.extend(value.to_le_bytes());
        }
    }
}
