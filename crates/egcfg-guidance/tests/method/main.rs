//! The method on scripted parts: a tiny model whose distributions depend on the whole context (signal included) and an
//! executor that computes what it reports, so that every expectation is exact.

#![allow(clippy::unwrap_used, clippy::manual_is_multiple_of, reason = "test helpers")]

mod decoding;
mod goldens;
mod opening;
mod parts;
mod schedules;
mod search;
mod stopping;
mod tree;
