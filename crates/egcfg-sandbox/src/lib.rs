//! Runs untrusted, model-written Python on the user's CPython (3.9 or later) under Linux: judges it by tests and
//! traces it.
//!
//! A warm interpreter forks a confined *candidate* process per program and a clean *comparer* process per judgement.
//! The candidate only calls functions and sends back values in a canonical form; the test's own statement runs in the
//! comparer, which never runs a line of the program. So a program cannot pass by exiting, by patching the interpreter, by
//! answering with an object that equals everything, or by writing what a harness would write.
//!
//! ```no_run
//! use egcfg_sandbox::{Program, Sandbox, SandboxOptions};
//! use egcfg_task::Test;
//!
//! # async fn example() -> Result<(), egcfg_sandbox::SandboxError> {
//! let sandbox = Sandbox::start(SandboxOptions::default()).await?;
//! let program = Program {
//!     source: "def double(n):\n    return 2 * n\n".to_owned(),
//!     entry_point: "double".to_owned(),
//!     ..Program::default()
//! };
//! let results = sandbox.judge(&program, &[Test::Assert("assert double(4) == 8".to_owned())]).await?;
//! assert!(results[0].verdict.passed());
//! # Ok(())
//! # }
//! ```

mod error;
#[cfg(test)]
#[path = "../fuzz/src/bodies.rs"]
mod fuzz_bodies;
#[cfg(test)]
mod fuzz_tests;
mod judge;
mod level;
mod limits;
mod options;
mod profile;
mod protocol;
#[cfg(feature = "exec_eval")]
pub mod remote;
mod sandbox;
mod start;
mod supervisor;
mod text;
mod token;
mod trace;

pub use error::SandboxError;
pub use judge::script::Ran;
pub use level::{Level, LevelChoice};
pub use limits::Limits;
pub use options::{Patience, Program, SandboxOptions, TraceOptions};
pub use profile::Profile;
pub use sandbox::{Sandbox, Traced};
pub use start::available_levels;
pub use supervisor::interpreter::Interpreter;
pub use supervisor::protection::Protection;
pub use supervisor::question::ask;
