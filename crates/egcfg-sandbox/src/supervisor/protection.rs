//! The protections by name: what each stops, and whether it is in force here. Nothing is assumed: a throw-away child,
//! confined like any other, tries what is forbidden.

use std::collections::BTreeMap;

use crate::error::SandboxError;
use crate::level::{Level, LevelChoice};
use crate::protocol::names::{FOUND, answer};
use crate::supervisor::clock::Watch;
use crate::supervisor::groups::Found;
use crate::supervisor::pool::Pool;
use crate::supervisor::zygote::Role;

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

/// Why a protection of a layer beyond the chosen one is not in force.
const NOT_ASKED: &str = "not asked for";

/// What even a run without protection has.
const NONE: &[&str] = &["session", "descriptors", "environment", "work-directory", "rlimits", "parent-death"];

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

const L1: &[(&str, &str)] = &[
    ("user-namespace", "rights that a program might gain from counting outside its own run"),
    ("mount-namespace", "mounting and unmounting what others see"),
    ("pid-namespace", "seeing or signalling other processes, outliving the run"),
    ("network-namespace", "reaching any network, should a socket be had"),
    ("ipc-namespace", "shared memory and queues between runs"),
    ("uts-namespace", "learning or changing the host's name"),
    ("private-root", "finding the host's files, or another run's, at all"),
    ("private-proc", "reading about other processes"),
];

const L2: &[(&str, &str)] = &[
    ("cgroup-memory", "exhausting memory with processes that no rlimit sees together"),
    ("cgroup-pids", "exhausting process numbers"),
    ("cgroup-kill", "outliving the run"),
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
    "user-namespace",
    "mount-namespace",
    "pid-namespace",
    "network-namespace",
    "ipc-namespace",
    "uts-namespace",
    "private-root",
    "private-proc",
];

/// What a throw-away child found out.
pub(crate) struct Probed {
    /// What protects this machine.
    pub(crate) protections: Vec<Protection>,
    /// Seconds that the reference run took, where it was asked for.
    pub(crate) reference: Option<f64>,
}

/// Probes all of the layers up to `ceiling`; what is known of control groups comes from elsewhere.
pub(crate) async fn probe(pool: &Pool, ceiling: Level, groups: Found) -> Result<Probed, SandboxError> {
    let mut child = pool.fork(Role::Probe).await?;
    let mut watch = Watch::wall_only(std::time::Duration::from_secs(20));
    let frame = child
        .next(&mut watch)
        .await
        .map_err(|ended| SandboxError::Spawn(format!("the probe of the protections ended: {ended:?}")))?;
    if frame.kind == answer::NOT_DONE {
        return Err(SandboxError::Spawn(format!("it could not be confined: {}", frame.text(0))));
    }
    if frame.kind != FOUND {
        return Err(SandboxError::Protocol(format!("{frame:?} from the probe of the protections")));
    }
    let mut found: BTreeMap<String, Option<String>> = serde_json::from_slice(frame.field(0))
        .map_err(|error| SandboxError::Protocol(format!("the probe's answer: {error}")))?;
    found.extend(groups.into_iter().map(|(name, why)| (name.to_owned(), why)));
    let root = rustix::process::geteuid().is_root();
    let tables = [(Level::L0, L0), (Level::L1, L1), (Level::L2, L2)];
    let protections =
        tables.into_iter().flat_map(|(layer, table)| table.iter().map(move |row| (layer, *row)));
    let protections = protections.map(|(layer, (name, stops))| {
        let found = found.remove(name).unwrap_or_else(|| Some("it was not probed".to_owned()));
        let asked = layer <= ceiling || NONE.contains(&name);
        let missing = if asked { found } else { Some(NOT_ASKED.to_owned()) };
        // Only root can give each run a uid of its own, and root has the right to make namespaces without a user's.
        let needed = name != "unused-uid" && !(root && name == "user-namespace");
        Protection { name, layer, stops, needed, missing }
    });
    Ok(Probed { protections: protections.collect(), reference: frame.text(1).parse().ok() })
}

/// The layer in force: the strongest of which, and of those below it, nothing needed is missing.
pub(crate) fn level(protections: &[Protection]) -> Level {
    let whole = |level: &Level| {
        let mut of_layer = protections.iter().filter(|protection| protection.layer == *level).peekable();
        of_layer.peek().is_some() && of_layer.all(|protection| protection.in_force() || !protection.needed)
    };
    [Level::L0, Level::L1, Level::L2].into_iter().take_while(whole).last().unwrap_or(Level::None)
}

/// Refuses to go on with less than was asked for. Whoever leaves the choice to this machine still gets system calls
/// filtered and files guarded, or an error.
pub(crate) fn demand(choice: LevelChoice, protections: &[Protection]) -> Result<(), SandboxError> {
    let lacking = |wanted: Level, missing: Vec<&Protection>| {
        let Some(first) = missing.first() else { return Ok(()) };
        let reason = first.missing.clone().unwrap_or_default();
        Err(SandboxError::Level { wanted: wanted.name(), name: first.name, reason })
    };
    let missing = |wanted: &dyn Fn(&Protection) -> bool| -> Vec<_> {
        protections.iter().filter(|protection| !protection.in_force() && wanted(protection)).collect()
    };
    match choice {
        LevelChoice::Exactly(Level::None) => Ok(()),
        LevelChoice::Exactly(wanted) => {
            lacking(wanted, missing(&|protection| protection.needed && protection.layer <= wanted))
        }
        LevelChoice::Auto => {
            let walled =
                protections.iter().any(|p| ["landlock", "private-root"].contains(&p.name) && p.in_force());
            let core = |p: &Protection| {
                ["seccomp", "no-new-privs"].contains(&p.name) || (p.name == "landlock" && !walled)
            };
            lacking(Level::L0, missing(&core))
        }
    }
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
