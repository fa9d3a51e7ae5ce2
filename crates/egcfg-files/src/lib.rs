#![doc = include_str!("../README.md")]

mod bounds;
mod encoding;
mod error;
mod items;
mod json;
mod open;
mod packed;
mod python;
mod record;

pub use bounds::{Bounds, VARIABLE};
pub use error::{Fault, FileError};
pub use items::{Item, Read, Shape, from_text, items, read_bytes, read_small, read_small_bytes, read_text};
pub use json::{array_parts, repaired};
pub use open::{Origin, kind_name, open};
pub use packed::sha256;
pub use python::{python_source, read_python};
pub use record::Record;
