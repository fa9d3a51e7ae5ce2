//! Benchmarks with honest scores: data sets ([`SandboxExecutor`] runs their tests), methods behind one seam
//! ([`method::Method`]), experiments whose results ([`result::ResultFile`]) survive a kill, and the numbers drawn from
//! them.

pub mod dataset;
pub mod eval;
mod executor;
pub mod method;
pub mod result;
pub mod score;

pub use executor::{SandboxExecutor, program};
