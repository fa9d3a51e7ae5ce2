//! An agent's name and heartbeat. The heartbeat is a counter, so that observers need no common clock; beside it stand the
//! facts that a monitor shows.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

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

/// A heartbeat file.
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

/// Who this process is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentId {
    /// Unique per process: host, process id, and the time of its start.
    pub id: String,
    /// The machine's name.
    pub host: String,
    /// The process id.
    pub pid: u32,
    /// See [`AgentRecord::machine`].
    pub machine: Option<String>,
    /// See [`AgentRecord::process_start`].
    pub process_start: Option<u64>,
}

impl AgentId {
    /// The identity of this process.
    pub fn here() -> Self {
        let pid = std::process::id();
        let host = host_name();
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64;
        let salt = egcfg_task::derive_seed(nanos, &[&host, &pid.to_string()]) & 0xff_ffff;
        let id = format!("{}-{pid}-{salt:06x}", crate::store::file_name(&host));
        Self { id, host, pid, machine: machine(), process_start: process_start(pid) }
    }

    /// The first heartbeat.
    pub fn record(&self, lease_seconds: f64) -> AgentRecord {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        AgentRecord {
            version: AGENT_VERSION,
            id: self.id.clone(),
            host: self.host.clone(),
            pid: self.pid,
            machine: self.machine.clone(),
            process_start: self.process_start,
            started: now.as_secs_f64(),
            lease_seconds,
            ..AgentRecord::default()
        }
    }
}

impl AgentRecord {
    /// Whether this agent is certainly gone: it said so, or it was a process of this machine and no longer is one.
    pub fn is_gone(&self) -> bool {
        if self.state != AgentState::Running {
            return true;
        }
        let here = self.machine.is_some() && self.machine == machine();
        here && self.process_start.is_some() && process_start(self.pid) != self.process_start
    }
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = name.or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "host".to_owned() } else { name.to_owned() }
}

/// This boot of this kernel, and this namespace of process ids in it; `None` where the kernel does not tell.
fn machine() -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let space = std::fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {}", boot.trim(), space.display()))
}

/// The start time of a live process in ticks; `None` when there is none, or only what its parent has not yet collected.
fn process_start(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    // The command's name stands in parentheses and may hold anything; behind the last one come state (field 3) and so on.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    let start = fields.nth(18)?.parse().ok()?;
    (state != "Z" && state != "X").then_some(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_ended_is_gone_and_a_living_one_is_not() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let mut record = AgentId::here().record(60.0);
        record.pid = child.id();
        record.process_start = process_start(child.id());
        assert!(record.process_start.is_some());
        assert!(!record.is_gone());
        child.kill().unwrap();
        // Not collected yet: a zombie works no more.
        while process_start(child.id()).is_some() {
            std::thread::yield_now();
        }
        assert!(record.is_gone());
        child.wait().unwrap();
        assert!(record.is_gone());
        // The same number on another machine says nothing.
        record.machine = Some("elsewhere".into());
        assert!(!record.is_gone());
    }

    #[test]
    fn two_agents_have_different_names() {
        assert_ne!(AgentId::here().id, AgentId::here().id);
    }
}
