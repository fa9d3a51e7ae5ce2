//! Training: examples in, an adapter out. [`Trainer`] is the seam; behind it stand the trainer that is built in and the
//! worker over PyTorch and PEFT. Both read and write the same files.

mod adapter;
mod builtin;
mod contract;
mod example;
mod peft;
mod plan;
mod random;
mod settings;

pub use adapter::{CONFIG as ADAPTER_CONFIG, WEIGHTS as ADAPTER_WEIGHTS};
pub use builtin::BuiltinTrainer;
pub use contract::{Progress, TrainJob, TrainReport, Trainer};
pub use example::{EXAMPLE_VERSION, Example, example_lines, read_examples};
pub use peft::{Environment as PeftEnvironment, PACKAGES as PEFT_PACKAGES, PeftTrainer, setup as setup_peft};
pub(crate) use random::Random;
pub use settings::{Objective, Schedule, Target, TrainSettings};
