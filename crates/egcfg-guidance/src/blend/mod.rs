//! The blended distribution of classifier-free guidance (Ho and Salimans 2022; for execution guidance Lavon, Katz and Wolf
//! 2025), by the published rule: `log G = log P + gamma * (log(Pg + 1e-8) - log(P + 1e-8))`, renormalised. [`rule`] holds the
//! rule for one token and its bounds, [`choice`] the next token over whole distributions and over lists.

mod choice;
mod rule;
#[cfg(test)]
mod tests;

pub use choice::{Choice, choose, decide};
pub use rule::{SMOOTHING, weight};
