//! The five experiments as plans of the same parts, and what their results come to. A plan names arms, each of which differs
//! from a common one in a single thing, and comes to trainings with folders of their own; carrying them out is the command
//! line's, which has models and a sandbox.

mod arm;
mod place;
mod size;
mod table;
mod training;

pub use arm::{Arm, Source, arms, only, plan};
pub use place::{METHODS_OF_ARMS, METHODS_OF_BASELINE, Place, outcomes};
pub use size::{Mode, Size, Step};
pub use table::{BASE, Line, Outcome, Pair, Table, render};
pub use training::{Plan, Training};
