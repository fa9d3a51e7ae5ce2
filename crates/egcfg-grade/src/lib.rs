#![doc = include_str!("../README.md")]

mod doubts;
mod executor;
mod grade;
mod outcome;

pub use doubts::doubtful;
pub use executor::{SandboxExecutor, program};
pub use grade::{Extent, grade};
pub use outcome::{Failed, Grade, Outcome, trouble};
