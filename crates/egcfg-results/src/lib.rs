//! What joins generating, judging and reporting: how a results folder is laid out ([`Layout`]), what a result says and what
//! it was made with ([`ResultFile`], [`Circumstances`]), which results an [`Experiment`] has, what is known of its
//! [`MethodFacts`] and data sets, how all of it is read back ([`read`]), and the statistics drawn from it ([`stats`]). It
//! knows no model, no server and no process: whoever writes results and whoever reads them build on the same words.

#![allow(clippy::float_cmp, reason = "gammas and temperatures are names here: read, never computed")]

mod agent;
mod builder;
pub mod dataset;
mod error_record;
pub mod event_log;
mod experiment;
mod layout;
mod lenient;
pub mod method;
mod plan;
mod provenance;
pub mod read;
mod result;
mod sandbox_settings;
pub mod stats;
mod task_card;

pub use agent::{AGENT_VERSION, AgentRecord, AgentState};
pub use builder::{Circumstances, Work, template_name};
pub use error_record::{ERROR_VERSION, ErrorRecord};
pub use experiment::{BestOfBudget, EXPERIMENT_VERSION, Equal, Experiment};
pub use layout::{Layout, file_name, parse_stem};
pub use method::MethodFacts;
pub use plan::{Planned, Run};
pub use provenance::{Answered, Provenance, RESULT_VERSION};
pub use result::{ResultFile, ResultStats, TestEntry};
pub use sandbox_settings::SandboxSettings;
pub use task_card::TaskCard;
