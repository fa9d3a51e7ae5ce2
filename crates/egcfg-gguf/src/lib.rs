//! The GGUF format, as far as this project needs it, without an engine: [`Head`] reads what stands before the weights and
//! refuses what cannot be right, [`check_model`] what is no language model to run; [`write_head`] and [`Meta`] write files;
//! [`content`] names a file by the hash of its bytes, and remembers it. What a model computes is not known here.

mod check;
pub mod content;
mod error;
mod head;
mod write;

pub use check::check_model;
pub use error::HeadError;
pub use head::{Array, Head, Tensor, Value};
pub use write::{ALIGNMENT, ElementType, Entry, Meta, padding, write_head};
