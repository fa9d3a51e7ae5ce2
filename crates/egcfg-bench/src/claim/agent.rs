//! Who this process is among the agents of an experiment, and whether another process of this machine still lives.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use egcfg_results::{AGENT_VERSION, AgentRecord, AgentState, file_name};

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
        let id = format!("{}-{pid}-{salt:06x}", file_name(&host));
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

/// Whether an agent is certainly gone: it said so, or it was a process of this machine and no longer is one.
pub fn is_gone(record: &AgentRecord) -> bool {
    if record.state != AgentState::Running {
        return true;
    }
    let here = record.machine.is_some() && record.machine == machine();
    here && record.process_start.is_some() && process_start(record.pid) != record.process_start
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
        assert!(!is_gone(&record));
        child.kill().unwrap();
        // Not collected yet: a zombie works no more.
        while process_start(child.id()).is_some() {
            std::thread::yield_now();
        }
        assert!(is_gone(&record));
        child.wait().unwrap();
        assert!(is_gone(&record));
        // The same number on another machine says nothing.
        record.machine = Some("elsewhere".into());
        assert!(!is_gone(&record));
    }

    #[test]
    fn two_agents_have_different_names() {
        assert_ne!(AgentId::here().id, AgentId::here().id);
    }
}
