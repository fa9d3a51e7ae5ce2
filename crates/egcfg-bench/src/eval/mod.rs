//! Judging programs that exist: reference solutions ([`verify`]) and what something else generated ([`evaluate`]). Judging
//! appends to a log that survives a kill, and scores are computed from outcomes alone, so they can be computed again.

mod conditions;
mod environment;
mod evalplus_file;
mod evaluate;
mod log;
mod sample_folder;
mod sample_forms;
mod samples;
mod summary;
mod verify;

pub use conditions::Conditions;
pub use environment::Environment;
pub use evalplus_file::evalplus_results;
pub use evaluate::{EvalError, Evaluation, evaluate};
pub use log::{Key, VerdictLog};
pub use samples::{Sample, SampleError, Samples};
pub use summary::{Score, Summary, TaskScore, summarize};
pub use verify::{Failure, Verification, verify};
