//! Reports on results folders: ones written by really running the method on a scripted model, and small ones written by
//! hand whose numbers are known.

#![allow(clippy::unwrap_used, reason = "test helpers")]

mod browser;
mod driver;
mod experiment;
mod formats;
mod hand;
mod numbers;
mod page;
mod watching;
