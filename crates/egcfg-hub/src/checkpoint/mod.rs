//! A folder of safetensors, `config.json` and `tokenizer.json`, as the hub's checkpoints come, to one GGUF file.

mod config;
mod convert;
pub(crate) mod numbers;
mod scores;
mod split;
mod tensors;
mod tokenizer;
pub(crate) mod weights;

pub use convert::{Options, Summary, convert, is_checkpoint};
pub(crate) use convert::{persist, shape_of, sources};
