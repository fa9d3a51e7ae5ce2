//! The thread that owns a warm interpreter. It starts the process (whose parent-death signal belongs to that thread), sends it
//! requests to fork and to reap, removes the work directories of dead children, and replaces the process when it dies, stops
//! answering or talks nonsense.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::oneshot;

use crate::error::SandboxError;
use crate::supervisor::bundle::Bundle;
use crate::supervisor::disk::remove_tree;
use crate::supervisor::warm::{Running, exchange, spawn};
use crate::supervisor::workdir::RunDirectory;
use crate::supervisor::zygote::{Ended, Exit, Forked, Request, Role, Zygote};

/// Restarts that failed, and when the next may be tried. One death is made good at once; an interpreter that dies again
/// and again must not take the machine with it.
#[derive(Default)]
struct BackOff {
    failures: u32,
    until: Option<Instant>,
    last: String,
}

impl BackOff {
    const FIRST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_secs(2);

    fn failed(&mut self, error: &str) {
        error.clone_into(&mut self.last);
        self.failures += 1;
        if self.failures > 1 {
            let pause = Self::FIRST * 2u32.saturating_pow(self.failures.min(16));
            self.until = Some(Instant::now() + pause.min(Self::LONGEST));
        }
    }

    fn succeeded(&mut self) {
        *self = Self::default();
    }

    fn check(&self) -> Result<(), String> {
        match self.until {
            Some(until) if Instant::now() < until => Err(format!("{}; it is tried again soon", self.last)),
            _ => Ok(()),
        }
    }
}

/// The interpreter, where it lives.
struct Keeper {
    bundle: Bundle,
    running: Option<Running>,
    generation: u64,
    back_off: BackOff,
    /// Without the filters a program could have left a process behind, which would know its directory.
    alone: bool,
}

/// Starts the thread and the interpreter; answers when it is warm.
///
/// The thread holds on to the run directory, so that it goes after the last child has gone.
pub(crate) fn start(
    bundle: Bundle,
    run: Arc<RunDirectory>,
) -> (Zygote, oneshot::Receiver<Result<(), String>>) {
    let (requests, inbox) = mpsc::channel();
    let (ready, started) = oneshot::channel();
    let greeting = bundle.patience.greeting;
    let thread = std::thread::Builder::new().name("egcfg-zygote".to_owned());
    // When no thread can be made `ready` is dropped, which the receiver sees.
    let _ = thread.spawn(move || {
        serve(bundle, &inbox, ready, &run);
        drop(run);
    });
    (Zygote::new(requests, greeting), started)
}

/// Starts the interpreter and serves requests until nobody is left to send any.
fn serve(
    bundle: Bundle,
    inbox: &mpsc::Receiver<Request>,
    ready: oneshot::Sender<Result<(), String>>,
    run: &RunDirectory,
) {
    let running = match spawn(&bundle) {
        Ok(running) => {
            let _ = ready.send(Ok(()));
            Some(running)
        }
        Err(error) => {
            let _ = ready.send(Err(error));
            return;
        }
    };
    let mut keeper = Keeper { bundle, running, generation: 0, back_off: BackOff::default(), alone: false };
    let mut dead = Vec::new();
    loop {
        let request = if dead.is_empty() {
            inbox.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            inbox.recv_timeout(LINGER)
        };
        match request {
            Ok(Request::Fork { role, work, fds, owner, reply }) => {
                let answer = keeper.fork(role, &work, &fds);
                let generation = keeper.generation;
                let _ = reply.send(answer.map(|pid| Forked::new(pid, generation, work, owner)));
            }
            Ok(Request::Reap(ended)) => {
                // How it ended interests somebody, or there are enough of them.
                let now = ended.reply.is_some() || dead.len() + 1 >= TOGETHER;
                dead.push(ended);
                if now {
                    keeper.bury(&mut dead, run);
                }
            }
            Ok(Request::Abandon(ended)) => {
                keeper.kill(&ended);
                dead.push(ended);
            }
            Ok(Request::Expect { steps, cpu }) => {
                keeper.bundle.expect(&steps, cpu);
                keeper.alone = steps.iter().any(|step| step == "seccomp");
                let packet = format!("X{cpu}\n{}", steps.join("\n")).into_bytes();
                if let Some(alive) = &keeper.running
                    && exchange(&alive.socket, &packet, &[]).is_err()
                {
                    keeper.running = None;
                }
            }
            Err(RecvTimeoutError::Timeout) => keeper.bury(&mut dead, run),
            Err(RecvTimeoutError::Disconnected) => return keeper.bury(&mut dead, run),
        }
    }
}

/// Children of whose end nobody wants to know are reaped so many at a time, or when nothing else has been asked for so long:
/// each request has the interpreter write to pages that it shares with its children, which the kernel then copies.
const TOGETHER: usize = 8;
const LINGER: Duration = Duration::from_millis(10);

impl Keeper {
    fn revive(&mut self) -> Result<&Running, String> {
        if self.running.is_none() {
            self.back_off.check()?;
            self.generation += 1;
            self.running = Some(spawn(&self.bundle).inspect_err(|error| self.back_off.failed(error))?);
        }
        self.running.as_ref().ok_or_else(|| "it did not start".to_owned())
    }

    fn fork(&mut self, role: Role, work: &Path, fds: &[OwnedFd]) -> Result<i32, SandboxError> {
        let mut packet = vec![b'F'];
        packet.push(match role {
            Role::Candidate => b'c',
            Role::Comparer => b't',
            Role::Probe => b'p',
        });
        packet.extend_from_slice(work.as_os_str().as_encoded_bytes());
        let fds: Vec<BorrowedFd<'_>> = fds.iter().map(OwnedFd::as_fd).collect();
        let mut last = String::new();
        for _ in 0..2 {
            let alive = match self.revive() {
                Ok(alive) => alive,
                Err(error) => {
                    last = error;
                    continue;
                }
            };
            match exchange(&alive.socket, &packet, &fds) {
                Ok(answer) => match (answer.split_first(), answer.get(1..5)) {
                    // No child has a smaller number, and a signal to a smaller one would not reach a child.
                    (Some((b'P', _)), Some(&[a, b, c, d])) if i32::from_ne_bytes([a, b, c, d]) > 1 => {
                        self.back_off.succeeded();
                        return Ok(i32::from_ne_bytes([a, b, c, d]));
                    }
                    (Some((b'E', reason)), _) => {
                        return Err(SandboxError::Spawn(String::from_utf8_lossy(reason).into_owned()));
                    }
                    _ => "it gave an answer that is none".clone_into(&mut last),
                },
                Err(rustix::io::Errno::AGAIN) => {
                    last = format!("no answer within {:?}", self.bundle.patience.answer);
                }
                Err(error) => last = error.to_string(),
            }
            self.back_off.failed(&last);
            self.running = None;
        }
        Err(SandboxError::Zygote(last))
    }

    /// Ends a child that nobody has taken over.
    fn kill(&self, ended: &Ended) {
        if self.is_ours(ended)
            && let Some(pid) = Pid::from_raw(ended.pid)
        {
            let _ = kill_process(pid, Signal::KILL);
        }
    }

    /// The children of an earlier interpreter died with it, and their numbers may be anybody's.
    fn is_ours(&self, ended: &Ended) -> bool {
        ended.generation == self.generation && self.running.is_some()
    }

    /// Reaps children, removes or keeps their work directories, and tells whoever asked how they ended.
    fn bury(&mut self, dead: &mut Vec<Ended>, run: &RunDirectory) {
        let ours: Vec<i32> = dead.iter().filter(|ended| self.is_ours(ended)).map(|ended| ended.pid).collect();
        let exits = if ours.is_empty() { Vec::new() } else { self.reap(&ours) };
        for ended in dead.drain(..) {
            let at = ours.iter().position(|pid| *pid == ended.pid && ended.generation == self.generation);
            let exit = at.and_then(|at| exits.get(at).copied().flatten());
            if !(self.alone && exit.is_some() && run.keep(&ended.work)) {
                remove(ended.work);
            }
            if let Some(reply) = ended.reply {
                let _ = reply.send(exit);
            }
        }
    }

    /// How each of these children ended; shorter or empty when the interpreter does not say.
    fn reap(&mut self, pids: &[i32]) -> Vec<Option<Exit>> {
        let Some(alive) = &self.running else { return Vec::new() };
        let packet: Vec<u8> =
            std::iter::once(b'R').chain(pids.iter().flat_map(|pid| pid.to_ne_bytes())).collect();
        match exchange(&alive.socket, &packet, &[]) {
            Ok(answer) if answer.first() == Some(&b'S') && answer.len() == 1 + EXIT * pids.len() => {
                answer[1..].chunks_exact(EXIT).map(exit).collect()
            }
            _ => {
                // What it says from now on may be the answer to anything.
                self.running = None;
                Vec::new()
            }
        }
    }
}

/// Bytes that tell how a child ended: whether it was one, its status, processor time, peak of resident memory.
const EXIT: usize = 1 + 4 + 8 + 8;

fn exit(data: &[u8]) -> Option<Exit> {
    let (known, rest) = data.split_first()?;
    let exit = Exit {
        status: i32::from_ne_bytes(rest.get(..4)?.try_into().ok()?),
        cpu: f64::from_ne_bytes(rest.get(4..12)?.try_into().ok()?),
        peak: f64::from_ne_bytes(rest.get(12..20)?.try_into().ok()?),
    };
    (*known == 1).then_some(exit)
}

/// Removes a work directory, whose owner is dead.
fn remove(work: PathBuf) {
    if std::fs::remove_dir(&work).is_ok() || !work.exists() {
        return;
    }
    // A program may have left much behind: not on this thread, which others wait for, if there is another to be had.
    let work = Arc::new(work);
    let theirs = Arc::clone(&work);
    let thread = std::thread::Builder::new().name("egcfg-remove".to_owned());
    if thread.spawn(move || remove_tree(&theirs)).is_err() {
        remove_tree(&work);
    }
}
