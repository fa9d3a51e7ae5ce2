//! Reports on results folders: ones written by really running the method on a scripted model, and small ones written by
//! hand whose numbers are known.

#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    clippy::print_stderr,
    reason = "test helpers; numbers that are counted, not computed"
)]

mod browser;
mod driver;
mod experiment;
mod formats;
mod hand;
mod numbers;
mod page;
mod watching;
