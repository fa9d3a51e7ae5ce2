//! Statistics, each in one place: intervals by one bootstrap over tasks, the share of tasks solved, the closed share of a
//! baseline's gap, the paired lead of one method over another, and pass@k.

mod bootstrap;
mod pass_at_k;
mod score;

pub use bootstrap::{Interval, bootstrap, mean_interval};
pub use pass_at_k::pass_at_k;
pub use score::{Score, lead, rsr};
