//! The nouns of egcfg as plain, versioned data: a [`Task`] with its [`Test`]s, the [`Verdict`] of running a
//! program against a test, the [`Trace`] of what happened, and the [`Config`] of a guided decoding run with its
//! canonical name. Nothing in this crate does I/O, runs a program or knows a model; every other crate builds on it.

mod compare;
mod config;
mod identity;
mod name;
mod policy;
mod seed;
mod task;
mod trace;
mod trace_text;
mod verdict;

pub use compare::{Compare, Tolerance};
pub use config::{Config, Horizon, PromptType, Signal, Strategy, Switches, Temperature};
pub use identity::{AdapterIdentity, ModelIdentity, ModelKind};
pub use name::NameError;
pub use policy::{Policy, PolicyError};
pub use seed::derive_seed;
pub use task::{Form, Task, Test};
pub use trace::{Backend, Cut, Event, Local, Outcome, Step, TRACE_VERSION, Trace};
pub use trace_text::{compact, full, minimal, minimal_state};
pub use verdict::{Clock, Observation, TestResult, Verdict};
