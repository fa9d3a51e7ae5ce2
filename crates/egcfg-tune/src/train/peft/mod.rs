//! The trainer over PyTorch and PEFT: a worker in Python that ships with egcfg, started in an environment that has both, and
//! under `accelerate launch` where several accelerators or machines are to work together.

mod environment;
mod run;

pub use environment::{Environment, PACKAGES, setup};
pub use run::PeftTrainer;
