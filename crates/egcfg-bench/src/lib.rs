//! Benchmarks with honest scores: data sets, methods behind one seam ([`method::Method`]), experiments whose results
//! ([`result::ResultFile`]) survive a kill, and the numbers drawn from them.

pub mod claim;
pub mod config;
pub mod dataset;
pub mod eval;
pub mod method;
pub mod result;
pub mod run;
pub mod score;
pub mod store;
pub mod submit;
