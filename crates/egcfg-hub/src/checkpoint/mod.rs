//! A folder of safetensors, `config.json` and `tokenizer.json`, as the hub's checkpoints come, to one GGUF file.

mod config;
mod convert;
mod numbers;
mod scores;
mod split;
mod tensors;
mod tokenizer;
mod weights;

pub(crate) use convert::sources;
pub use convert::{Options, Summary, convert, is_checkpoint};
