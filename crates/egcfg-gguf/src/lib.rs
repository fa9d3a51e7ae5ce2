//! The GGUF format, as far as this project needs it, without an engine: [`write_head`] and [`Meta`] write files; [`content`] names a file by the hash of its
//! bytes, and remembers it. What a model computes is not known here.

pub mod content;
mod write;

pub use write::{ALIGNMENT, ElementType, Entry, Meta, padding, write_head};
