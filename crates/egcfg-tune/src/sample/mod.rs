//! Sampling: programs of a model's tree, graded by every test of their task, as experiences.

mod log;
mod merge;
mod one;
mod prompts;
mod taught;

pub use log::{SampleLog, SampledTask};
pub use merge::merge_adapter;
pub use one::{SampleSettings, sample_task, vocabulary};
pub use prompts::examples_of;
pub use taught::{Teaching, with_teachers};
