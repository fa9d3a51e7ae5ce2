//! Models by name: a name as a person types it becomes the path of a GGUF file. The hub's cache is looked into
//! ([`Cache`]) and filled ([`Remote`]);
//! a folder of safetensors is converted ([`checkpoint`]), once ([`Converted`]), and so is an adapter ([`adapter`]).

pub mod adapter;
mod cache;
pub mod checkpoint;
mod choose;
mod converted;
mod download;
mod error;
mod name;

pub use cache::{Cache, CacheError, Found};
pub use choose::{PREFERENCE, choose, quantisation};
pub use converted::Converted;
pub use download::{DownloadError, ENDPOINT, Remote};
pub use egcfg_gguf::ElementType;
pub use error::{CheckpointError, Problem};
pub use name::{HubName, Pick};

/// How far a piece of work has come, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What is being worked on: a file's or a tensor's name.
    pub what: String,
    /// Bytes done, of all that is to do.
    pub done: u64,
    /// Bytes to do; 0 where it is not known.
    pub total: u64,
}

/// Told about progress. `Break` ends the work, which leaves nothing behind.
pub type Watch<'a> = &'a mut (dyn FnMut(Progress) -> std::ops::ControlFlow<()> + Send);
