//! The five experiments as plans of the same parts, and what their results come to. A plan names arms, each of which differs
//! from a common one in a single thing; carrying it out is the command line's, which has models and a sandbox.

mod arm;
mod size;
mod table;

pub use arm::{Arm, Source, arms};
pub use size::{Mode, Size, Step};
pub use table::{BASE, Line, Outcome, Pair, Table, render};
