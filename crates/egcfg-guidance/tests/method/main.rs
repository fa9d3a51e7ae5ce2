//! The method on scripted parts: a tiny model whose distributions depend on the whole context (signal included) and an
//! executor that computes what it reports, so that every expectation is exact.

mod decoding;
mod parts;
mod schedules;
mod stopping;
