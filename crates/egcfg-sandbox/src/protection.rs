//! The protections by name: what each stops, and whether it is in force here. Nothing is assumed: a throw-away child,
//! confined like any other, tries what is forbidden.

use std::collections::BTreeMap;

use crate::clock::Watch;
use crate::error::SandboxError;
use crate::level::Level;
use crate::pool::Pool;
use crate::zygote::Role;

/// One protection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protection {
    /// Its name, as [`crate::SandboxOptions::required`] takes it.
    pub name: &'static str,
    /// The layer it belongs to.
    pub layer: Level,
    /// What it stops.
    pub stops: &'static str,
    /// Whether its layer is void without it.
    pub needed: bool,
    /// Why it is not in force; `None` when it is.
    pub missing: Option<String>,
}

impl Protection {
    /// Whether it is in force.
    pub fn in_force(&self) -> bool {
        self.missing.is_none()
    }
}

const L0: &[(&str, &str)] = &[
    ("session", "signals and input from the terminal"),
    ("descriptors", "use of the supervisor's files and sockets"),
    ("environment", "reading tokens and settings from environment variables"),
    ("work-directory", "files left where others find them"),
    ("rlimits", "exhausting memory, processor, files and descriptors"),
    ("unused-uid", "touching files and processes of the user who runs the sandbox"),
    ("parent-death", "outliving the supervisor"),
    ("no-new-privs", "gaining rights through setuid programs"),
    ("landlock", "reading beyond the interpreter's library, writing beyond the work directory"),
    ("seccomp", "system calls that no program needs"),
    ("fork-denied", "fork bombs and daemons"),
    ("exec-denied", "starting other programs"),
    ("network-denied", "reaching the network and local services"),
    ("signals-denied", "killing or stopping other processes"),
    ("privileged-calls-denied", "namespaces, mounts, tracing of other processes"),
    ("shared-objects-denied", "messages between programs through locks, keyrings and System V objects"),
    ("attributes-denied", "links, and changes to modes, owners and times of files"),
    ("uncounted-memory-denied", "memory that no limit counts"),
];

/// Steps of the confinement itself, which each later child must repeat.
const STEPS: &[&str] = &[
    "session",
    "descriptors",
    "work-directory",
    "rlimits",
    "unused-uid",
    "parent-death",
    "no-new-privs",
    "landlock",
    "seccomp",
];

/// Probes them all.
pub(crate) async fn probe(pool: &Pool) -> Result<Vec<Protection>, SandboxError> {
    let mut child = pool.fork(Role::Probe).await?;
    let mut watch = Watch::wall_only(std::time::Duration::from_secs(20));
    let frame = child
        .next(&mut watch)
        .await
        .map_err(|ended| SandboxError::Spawn(format!("the probe of the protections ended: {ended:?}")))?;
    let mut found: BTreeMap<String, Option<String>> = serde_json::from_slice(frame.field(0))
        .map_err(|error| SandboxError::Protocol(format!("the probe's answer: {error}")))?;
    let protections = L0.iter().map(|&(name, stops)| Protection {
        name,
        layer: Level::L0,
        stops,
        needed: name != "unused-uid",
        missing: found.remove(name).unwrap_or_else(|| Some("it was not probed".to_owned())),
    });
    Ok(protections.collect())
}

/// The steps that each later child has to take, because they could be taken here.
pub(crate) fn steps_in_force(protections: &[Protection]) -> Vec<String> {
    let in_force = protections.iter().filter(|protection| protection.in_force());
    in_force
        .map(|protection| protection.name)
        .filter(|name| STEPS.contains(name))
        .map(str::to_owned)
        .collect()
}
