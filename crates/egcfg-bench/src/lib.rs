//! Benchmarks with honest scores: data sets ([`SandboxExecutor`] runs their tests), methods behind one seam
//! ([`method::Method`]), experiments whose results survive a kill.

pub mod claim;
pub mod config;
pub mod dataset;
pub mod eval;
mod executor;
pub mod method;
pub mod run;
pub mod store;
pub mod submit;

pub use executor::{SandboxExecutor, program};
