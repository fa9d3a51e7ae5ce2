//! The trainer that is built in: LoRA over a frozen GGUF base in single precision, on the processor or (`cuda`) on a GPU.

mod base;
mod checkpoint;
mod dropout;
mod gradient;
mod layer;
mod loss;
mod optimizer;
mod rotary;
mod run;
mod steps;

#[cfg(test)]
mod golden_tests;

pub use run::BuiltinTrainer;
