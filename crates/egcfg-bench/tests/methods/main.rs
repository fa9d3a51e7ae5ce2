//! The compared methods as loops over a model with written answers.

#![allow(clippy::unwrap_used, reason = "test helpers")]

mod closing;
mod loops;
mod parts;
mod rules;
