//! Whether the limits of a group really hold: throw-away processes take more memory than theirs allows, and more processes,
//! and are ended as one. They run a few lines of our own, confined by nothing else.

use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::find::Place;
use super::parent::Groups;
use super::run::Group;
use crate::limits::Limits;

/// The layer's protections, which stand or fall together where no group can be made at all.
const NAMES: [&str; 3] = ["cgroup-memory", "cgroup-pids", "cgroup-kill"];

/// Each protection, and why it is not in force; `None` when it is.
pub(crate) type Found = Vec<(&'static str, Option<String>)>;

/// What a trial may take on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(20);

/// The limit of the memory trial, beside what every group gets.
const MEMORY: u64 = 16 << 20;
/// Processes of the other trial, the first included.
const PROCESSES: u64 = 3;

/// Four times as much memory as allowed, a step at a time.
const ALLOCATE: &str = "\
import sys
if sys.stdin.readline():
    kept = [b'x' * (1 << 20) + bytes([step]) for step in range(128)]
    print(len(kept), flush=True)
    sys.stdin.readline()
";

/// Up to eight processes; says how many there were before one was refused.
const MULTIPLY: &str = "\
import os, sys, time
if sys.stdin.readline():
    made = 0
    try:
        for _ in range(8):
            if not os.fork():
                time.sleep(30)
                os._exit(0)
            made += 1
    except OSError:
        pass
    print(made, flush=True)
    time.sleep(30)
";

/// The same answer for all three.
pub(crate) fn missing(why: &str) -> Found {
    NAMES.map(|name| (name, Some(why.to_owned()))).to_vec()
}

/// Places where all of it has been seen to hold in this process's life.
static PROVEN: Mutex<Vec<Place>> = Mutex::new(Vec::new());

/// Tries the limits, once per process and place. Blocks.
pub(crate) fn prove(groups: &Arc<Groups>, python: &Path, without: &[String]) -> Found {
    let proven = || PROVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let left_out = |name: &str| without.iter().any(|one| one == name);
    let untouched = !NAMES.iter().any(|name| left_out(name));
    if untouched && proven().contains(&groups.place) {
        return NAMES.map(|name| (name, None)).to_vec();
    }
    let why = |error: io::Error| Some(format!("{}: the trial failed: {error}", groups.version));
    let memory = if left_out(NAMES[0]) { None } else { memory(groups, python).unwrap_or_else(why) };
    let (pids, kill) = processes(groups, python).unwrap_or_else(|error| {
        let why = why(error);
        (why.clone(), why)
    });
    let found = NAMES.into_iter().zip([memory, pids, kill]);
    let found: Found = found
        .map(|(name, why)| (name, if left_out(name) { Some("left out".to_owned()) } else { why }))
        .collect();
    if untouched && found.iter().all(|(_, why)| why.is_none()) {
        proven().push(groups.place.clone());
    }
    found
}

/// A process in a group of its own, which waits for a line before it begins.
struct Trial {
    process: Child,
    input: Option<ChildStdin>,
    group: Arc<Group>,
}

impl Trial {
    fn start(groups: &Arc<Groups>, python: &Path, source: &str) -> io::Result<Self> {
        let limits = Limits { memory: MEMORY, threads: PROCESSES, ..Limits::default() };
        let group = groups.create(&limits)?;
        let mut process = Command::new(python)
            .args(["-I", "-S", "-B", "-c", source])
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let input = process.stdin.take();
        let mut trial = Self { process, input, group };
        trial.group.admit(trial.process.id().cast_signed())?;
        if let Some(input) = &mut trial.input {
            input.write_all(b"\n")?;
        }
        Ok(trial)
    }

    /// What it says, or nothing at the end of its output.
    fn line(&mut self) -> io::Result<String> {
        let Some(output) = self.process.stdout.take() else { return Ok(String::new()) };
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }

    /// Waits for its end.
    fn wait(&mut self) -> io::Result<Option<ExitStatus>> {
        let started = Instant::now();
        loop {
            match self.process.try_wait()? {
                None if started.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(1)),
                status => return Ok(status),
            }
        }
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        self.group.close();
        self.group.end();
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn memory(groups: &Arc<Groups>, python: &Path) -> io::Result<Option<String>> {
    let mut trial = Trial::start(groups, python, ALLOCATE)?;
    let said = trial.line()?;
    if !said.is_empty() {
        return Ok(Some(format!("{}: a process took more memory than its group may have", groups.version)));
    }
    let status = trial.wait()?;
    let account = trial.group.account();
    Ok(if account.memory_kills > 0 {
        None
    } else {
        let ended = status.map_or_else(|| "it goes on".to_owned(), |status| status.to_string());
        Some(format!(
            "{}: a process beyond its memory was not ended by the kernel ({ended}, {} bytes at most)",
            groups.version, account.peak
        ))
    })
}

/// Whether a process too many is refused, and whether all of them end as one.
fn processes(groups: &Arc<Groups>, python: &Path) -> io::Result<(Option<String>, Option<String>)> {
    let mut trial = Trial::start(groups, python, MULTIPLY)?;
    let made: u64 = trial.line()?.parse().map_err(|_| io::Error::other("no answer"))?;
    let refused = trial.group.account().refused;
    let pids = (made + 1 != PROCESSES || refused == 0).then(|| {
        format!("{}: {made} forks of {} were allowed, {refused} refused", groups.version, PROCESSES - 1)
    });
    trial.group.end();
    let ended = trial.wait()?.is_some();
    let started = Instant::now();
    while !trial.group.is_empty() && started.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(1));
    }
    let kill = (!ended || !trial.group.is_empty())
        .then(|| format!("{}: processes of a group outlived its end", groups.version));
    Ok((pids, kill))
}
