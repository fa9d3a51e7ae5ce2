//! A writer of GGUF files with random weights, for measurements: what a step costs depends on a model's shape, not on what
//! it has learned. The vocabulary is made so that the random text has lines: one token in ten begins a new, indented one.

use std::fs::File;
use std::io::{BufWriter, Result, Write};
use std::path::Path;

use egcfg_gguf::{ElementType, Entry, Meta, padding, write_head};

use crate::sampler::mix;

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
        self.write_with_splitter(path, "gpt-2")
    }

    /// Writes the file with another splitter of texts (`tokenizer.ggml.pre`) than GPT-2's.
    pub fn write_with_splitter(&self, path: &Path, splitter: &str) -> Result<()> {
        let mut out = BufWriter::new(File::create(path)?);
        let tensors = self.tensors();
        write_head(&mut out, &self.meta(splitter), &tensors)?;
        let mut state = self.seed;
        for tensor in &tensors {
            write_tensor(tensor, &mut state, &mut out)?;
        }
        out.flush()
    }

    fn meta(&self, splitter: &str) -> Meta {
        let mut meta = Meta::default();
        meta.string("general.architecture", "llama");
        meta.string("general.name", "random");
        meta.u32("llama.context_length", self.context as u32);
        meta.u32("llama.embedding_length", self.width as u32);
        meta.u32("llama.block_count", self.layers as u32);
        meta.u32("llama.feed_forward_length", self.inner as u32);
        meta.u32("llama.attention.head_count", self.heads as u32);
        meta.u32("llama.attention.head_count_kv", self.heads as u32);
        meta.u32("llama.rope.dimension_count", (self.width / self.heads) as u32);
        meta.f32("llama.attention.layer_norm_rms_epsilon", 1e-5);
        meta.string("tokenizer.ggml.model", "gpt2");
        meta.string("tokenizer.ggml.pre", splitter);
        meta.strings("tokenizer.ggml.tokens", &self.texts());
        // Type 3 is a control token, 1 a normal one.
        let kinds: Vec<i32> = (0..self.vocab).map(|id| if id == 0 { 3 } else { 1 }).collect();
        meta.i32s("tokenizer.ggml.token_type", &kinds);
        meta.strings("tokenizer.ggml.merges", &["\u{120} \u{120}".to_owned()]);
        meta.u32("tokenizer.ggml.eos_token_id", 0);
        meta.flag("tokenizer.ggml.add_bos_token", false);
        meta
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

    fn tensors(&self) -> Vec<Entry> {
        let (width, inner) = (self.width, self.inner);
        let mut all = vec![
            entry("token_embd.weight", vec![width, self.vocab]),
            entry("output_norm.weight", vec![width]),
        ];
        for layer in 0..self.layers {
            let mut add = |name: &str, shape: Vec<usize>| {
                all.push(entry(&format!("blk.{layer}.{name}.weight"), shape));
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

/// Vectors are norms, in single precision; matrices are in half precision.
fn entry(name: &str, shape: Vec<usize>) -> Entry {
    let kind = if shape.len() == 1 { ElementType::F32 } else { ElementType::F16 };
    Entry { name: name.to_owned(), shape, kind }
}

/// The tensor's data: vectors are norms (all ones), matrices random.
fn write_tensor(tensor: &Entry, state: &mut u64, out: &mut impl Write) -> Result<()> {
    let elements: usize = tensor.shape.iter().product();
    if tensor.shape.len() == 1 {
        for _ in 0..elements {
            out.write_all(&1_f32.to_le_bytes())?;
        }
    } else {
        // Variance 1 / inputs keeps the activations' size from layer to layer.
        let scale = 1.0 / (tensor.shape[0] as f32).sqrt();
        for _ in 0..elements {
            *state = state.wrapping_add(1);
            out.write_all(&half(scale * bell(mix(*state))).to_le_bytes())?;
        }
    }
    out.write_all(padding(tensor.bytes()))
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
