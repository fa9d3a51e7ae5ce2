//! The GGUF format, as far as this project needs it, without an engine: [`Head`] reads what stands before the weights and
//! refuses what cannot be right, [`check_model`] what is no language model to run; [`write_head`] and [`Meta`] write files;
//! [`content`] names a file by the hash of its bytes, and remembers it. [`Adapter`] is a file of low-rank changes to a model's
//! weights, held against the model before an engine sees it, and [`stack`] makes one of several. What a model computes is
//! not known here.

mod adapter;
mod check;
pub mod content;
mod error;
mod head;
mod metadata;
mod reader;
mod stack;
mod values;
mod write;

pub use adapter::{Adapter, LORA_ALPHA, Pair};
pub use check::check_model;
pub use error::HeadError;
pub use head::Head;
pub use metadata::{Array, Tensor, Value};
pub use stack::stack;
pub use values::values;
pub use write::{ALIGNMENT, ElementType, Entry, Meta, padding, write_head};
