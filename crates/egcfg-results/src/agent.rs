//! An agent's heartbeat file: a counter, so that observers need no common clock, and beside it the facts that a monitor shows.

use serde::{Deserialize, Serialize};

/// Version of [`AgentRecord`]; raised on purpose when a field changes its meaning.
pub const AGENT_VERSION: u32 = 1;

/// What an agent is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentState {
    /// Working, or waiting for units that others hold.
    #[default]
    Running,
    /// Nothing was left to do.
    Finished,
    /// It was asked to stop, and released its claims.
    Interrupted,
    /// It gave up after an error, and released its claims.
    Failed,
}

impl AgentState {
    /// The word of the file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
        }
    }
}

/// A heartbeat file. Fields that are missing count as zero, so that agents of other versions can be watched too.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AgentRecord {
    /// [`AGENT_VERSION`].
    pub version: u32,
    /// The agent's name, unique per process.
    pub id: String,
    /// The machine's name.
    pub host: String,
    /// Its process id there.
    pub pid: u32,
    /// Boot and process-id namespace: processes of one machine can look each other up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// When the process began, in its kernel's ticks: tells it from a later one with the same id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_start: Option<u64>,
    /// Seconds since 1970.
    pub started: f64,
    /// Counts up while the agent lives.
    pub beat: u64,
    /// An unchanged `beat` for this many seconds means that it is gone.
    pub lease_seconds: f64,
    /// What it is doing.
    pub state: AgentState,
    /// Units that it published.
    pub done: usize,
    /// Of these, passing ones.
    pub passed: usize,
    /// Units that it works on now, as `<configuration>/<name>`.
    pub current: Vec<String>,
    /// Tokens that it generated.
    pub tokens: usize,
    /// Requests that it made to the model's server for them; 0 for a local model.
    #[serde(skip_serializing_if = "is_zero")]
    pub requests: usize,
    /// Those of them under guidance.
    #[serde(skip_serializing_if = "is_zero")]
    pub guided_requests: usize,
    /// Lines completed under guidance.
    #[serde(skip_serializing_if = "is_zero")]
    pub guided_lines: usize,
    /// Infrastructure errors that it met.
    pub errors: usize,
    /// The last of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}
