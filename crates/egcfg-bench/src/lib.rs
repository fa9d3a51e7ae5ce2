//! Benchmarks with honest scores: data sets ([`SandboxExecutor`] runs their tests), methods behind one seam
//! ([`method::Method`]), experiments whose results ([`result::ResultFile`]) survive a kill, and the numbers drawn from
//! them.

pub mod claim;
pub mod config;
mod executor;
pub mod method;
pub mod result;
pub mod run;
pub mod store;
pub mod submit;

pub use executor::{SandboxExecutor, program};
