//! Scores: pass@k by its unbiased estimator, and bootstrap intervals over tasks.

mod bootstrap;
mod pass_at_k;

pub use bootstrap::{Interval, mean_interval};
pub use pass_at_k::pass_at_k;
