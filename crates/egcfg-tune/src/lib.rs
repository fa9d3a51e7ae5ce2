//! BTP (arXiv 2410.12236): a model writes programs, the sandbox runs them, and the model learns from what was run.
//! *Sample* collects experiences (program, possibility, pass rate), *replay* draws the ones worth learning from,
//! *train* makes an adapter of them, and the next round samples with it. *Experiments* are plans of these parts; *splits*
//! keeps what is trained on apart from what is scored on.

mod error;
pub mod experiments;
pub mod export;
mod files;
pub mod replay;
pub mod sample;
pub mod splits;
pub mod train;

pub use error::TuneError;
pub use files::claim;
