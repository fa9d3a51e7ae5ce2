//! The scripted parts that tests of several crates share: a little language of Python lines and models that write it
//! ([`language`]), an executor that computes what it reports ([`ScriptedExecutor`]), and a sink that keeps every event
//! ([`Log`]). With them every expectation about the method is exact. A dev-dependency; nothing of it is shipped.

mod executor;
pub mod language;
mod log;

pub use executor::{ScriptedExecutor, result, short_trace};
pub use log::Log;
