//! The run loop: an experiment is a list of units (a [`Plan`]); an [`Agent`] claims units one by one, carries them out and
//! publishes their results, next to any number of other agents on the same store. All that is ever shown of it comes
//! from one stream of [`RunEvent`]s.

mod agent;
mod board;
mod event;
mod grader;
mod heartbeat;
mod log;
mod options;
mod plan;
mod work;

pub use agent::Agent;
pub use event::{RunEvent, RunSink};
#[cfg(feature = "exec_eval")]
pub use grader::ExecEvalGrader;
pub use grader::Grader;
pub use options::{Options, RunError, Summary};
pub use plan::{Cell, Plan, Unit, methods};
pub use work::Parts;
