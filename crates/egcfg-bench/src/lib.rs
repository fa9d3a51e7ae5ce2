//! Benchmarks with honest scores: data sets, methods behind one seam ([`method::Method`]), experiments whose results survive
//! a kill.

pub mod claim;
pub mod config;
pub mod dataset;
pub mod eval;
pub mod method;
pub mod run;
pub mod store;
pub mod submit;
