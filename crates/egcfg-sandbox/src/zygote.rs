//! The warm interpreter and the thread that owns it. One long-lived thread starts the process (its parent-death signal
//! belongs to that thread), sends it requests to fork and to reap, removes the work directories of dead children, and
//! replaces it when it dies, stops answering or talks nonsense. Everyone else talks to the thread.

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
    recv, send, sendmsg, socketpair, sockopt,
};
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::oneshot;

use crate::bundle::{BOOT, Bundle};
use crate::error::SandboxError;
use crate::workdir::{RunDirectory, remove_tree};

/// A warm interpreter answers within a millisecond or two. One that is silent for so long is stopped or broken, and is
/// replaced: everyone would wait for it forever.
const STALL: Duration = Duration::from_secs(10);
/// How long it may take to become warm; what it imports may be large and the machine busy.
const WARMING: Duration = Duration::from_secs(120);

/// What a child is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Runs a program.
    Candidate,
    /// Runs a program; it is expected that it will be traced.
    Traced,
    /// Judges it.
    Comparer,
    /// Finds out which protections are in force.
    Probe,
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Exit {
    /// The wait status.
    pub(crate) status: i32,
    /// Processor time in seconds.
    pub(crate) cpu: f64,
    /// Largest resident size in bytes.
    pub(crate) peak: f64,
}

enum Request {
    Fork {
        role: Role,
        work: PathBuf,
        fds: Vec<OwnedFd>,
        owner: Zygote,
        reply: oneshot::Sender<Result<Forked, SandboxError>>,
    },
    Reap {
        pid: i32,
        generation: u64,
        work: PathBuf,
        reply: Option<oneshot::Sender<Option<Exit>>>,
    },
    Abandon {
        pid: i32,
        generation: u64,
        work: PathBuf,
    },
    Expect {
        steps: Vec<String>,
        cpu: u64,
    },
}

/// A handle on the thread. When the last one goes, the interpreter and its children end.
#[derive(Debug, Clone)]
pub(crate) struct Zygote {
    requests: mpsc::Sender<Request>,
}

/// A child that nobody looks after yet. Unless it is taken over it is ended, also when whoever asked for it has gone.
#[derive(Debug)]
pub(crate) struct Forked {
    pub(crate) pid: i32,
    pub(crate) generation: u64,
    work: Option<PathBuf>,
    owner: Zygote,
}

impl Forked {
    /// Takes it over: its end and its work directory are the caller's business now.
    pub(crate) fn keep(mut self) -> PathBuf {
        self.work.take().unwrap_or_default()
    }
}

impl Drop for Forked {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            let abandon = Request::Abandon { pid: self.pid, generation: self.generation, work };
            let _ = self.owner.requests.send(abandon);
        }
    }
}

impl Zygote {
    /// Starts the thread and the interpreter; answers when it is warm.
    ///
    /// The thread holds on to the run directory, so that it goes after the last child has gone.
    pub(crate) fn start(
        bundle: Bundle,
        run: Arc<RunDirectory>,
    ) -> (Self, oneshot::Receiver<Result<(), String>>) {
        let (requests, inbox) = mpsc::channel();
        let (ready, started) = oneshot::channel();
        let thread = std::thread::Builder::new().name("egcfg-zygote".to_owned());
        // When no thread can be made `ready` is dropped, which the receiver sees.
        let _ = thread.spawn(move || {
            serve(bundle, &inbox, ready, &run);
            drop(run);
        });
        (Self { requests }, started)
    }

    /// Forks a child; `fds` become its output, error, protocol and trace descriptors.
    pub(crate) async fn fork(
        &self,
        role: Role,
        work: PathBuf,
        fds: Vec<OwnedFd>,
    ) -> Result<Forked, SandboxError> {
        let (reply, answer) = oneshot::channel();
        let gone = || SandboxError::Zygote("its thread has ended".to_owned());
        let owner = self.clone();
        self.requests.send(Request::Fork { role, work, fds, owner, reply }).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Reaps a child that has been killed or has ended, and removes its work directory.
    pub(crate) fn reap(&self, pid: i32, generation: u64, work: PathBuf) -> oneshot::Receiver<Option<Exit>> {
        let (reply, answer) = oneshot::channel();
        let _ = self.requests.send(Request::Reap { pid, generation, work, reply: Some(reply) });
        answer
    }

    /// From now on children refuse to run unless these steps succeed, and the kernel ends them after `cpu` seconds.
    pub(crate) fn expect(&self, steps: Vec<String>, cpu: u64) {
        let _ = self.requests.send(Request::Expect { steps, cpu });
    }
}

struct Running {
    process: std::process::Child,
    socket: OwnedFd,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

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
    for request in inbox {
        match request {
            Request::Fork { role, work, fds, owner, reply } => {
                let answer = keeper.fork(role, &work, &fds);
                let generation = keeper.generation;
                let _ = reply.send(answer.map(|pid| Forked { pid, generation, work: Some(work), owner }));
            }
            Request::Reap { pid, generation, work, reply } => {
                let exit = keeper.reap(pid, generation, false);
                if !(keeper.alone && exit.is_some() && run.keep(&work)) {
                    remove(work);
                }
                if let Some(reply) = reply {
                    let _ = reply.send(exit);
                }
            }
            Request::Abandon { pid, generation, work } => {
                keeper.reap(pid, generation, true);
                remove(work);
            }
            Request::Expect { steps, cpu } => {
                keeper.bundle.expect(&steps, cpu);
                keeper.alone = steps.iter().any(|step| step == "seccomp");
                let packet = format!("X{cpu}\n{}", steps.join("\n")).into_bytes();
                if let Some(alive) = &keeper.running
                    && exchange(&alive.socket, &packet, &[]).is_err()
                {
                    keeper.running = None;
                }
            }
        }
    }
}

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
            Role::Traced => b'o',
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
                Err(rustix::io::Errno::AGAIN) => last = format!("no answer within {} s", STALL.as_secs()),
                Err(error) => last = error.to_string(),
            }
            self.back_off.failed(&last);
            self.running = None;
        }
        Err(SandboxError::Zygote(last))
    }

    /// Reaps a child. The children of an earlier interpreter died with it, and their numbers may be anybody's.
    fn reap(&mut self, pid: i32, generation: u64, kill: bool) -> Option<Exit> {
        if generation != self.generation || self.running.is_none() {
            return None;
        }
        if kill && let Some(pid) = Pid::from_raw(pid) {
            let _ = kill_process(pid, Signal::KILL);
        }
        reap(&mut self.running, pid)
    }
}

fn reap(running: &mut Option<Running>, pid: i32) -> Option<Exit> {
    let alive = running.as_ref()?;
    let mut packet = vec![b'R'];
    packet.extend(pid.to_ne_bytes());
    let Ok(answer) = exchange(&alive.socket, &packet, &[]) else {
        *running = None;
        return None;
    };
    let (b'S', rest) = answer.split_first()? else {
        if answer.first() != Some(&b'E') {
            // What it says from now on may be the answer to anything.
            *running = None;
        }
        return None;
    };
    Some(Exit {
        status: i32::from_ne_bytes(rest.get(..4)?.try_into().ok()?),
        cpu: f64::from_ne_bytes(rest.get(4..12)?.try_into().ok()?),
        peak: f64::from_ne_bytes(rest.get(12..20)?.try_into().ok()?),
    })
}

/// One packet there, one back.
fn exchange(socket: &OwnedFd, packet: &[u8], fds: &[BorrowedFd<'_>]) -> rustix::io::Result<Vec<u8>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(fds));
    }
    sendmsg(socket, &[IoSlice::new(packet)], &mut control, SendFlags::NOSIGNAL)?;
    receive(socket)
}

fn receive(socket: &OwnedFd) -> rustix::io::Result<Vec<u8>> {
    let mut buffer = vec![0; 4096];
    let (size, _) = rustix::io::retry_on_intr(|| recv(socket, &mut buffer[..], RecvFlags::empty()))?;
    buffer.truncate(size);
    if size == 0 { Err(rustix::io::Errno::PIPE) } else { Ok(buffer) }
}

fn spawn(bundle: &Bundle) -> Result<Running, String> {
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
        .map_err(|error| error.to_string())?;
    let process = Command::new(&bundle.python)
        .args(["-s", "-S", "-B", "-X", "utf8", "-c", BOOT])
        .env_clear()
        .envs(bundle.environment.iter().map(|(name, value)| (name, value)))
        .current_dir("/")
        .stdin(Stdio::from(theirs))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{}: {error}", bundle.python.display()))?;
    let mut running = Running { process, socket: ours };
    let greeted = limit(&running.socket, WARMING)
        .and_then(|()| greet(&running.socket, bundle))
        .and_then(|()| limit(&running.socket, STALL));
    match greeted {
        Ok(()) => Ok(running),
        Err(error) => {
            let _ = running.process.kill();
            let _ = running.process.wait();
            let text = running.process.stderr.take().as_ref().map(last_words).unwrap_or_default();
            let last = text.lines().last().map(|line| format!(": {line}")).unwrap_or_default();
            Err(format!("{}: it did not start ({error}){last}", bundle.python.display()))
        }
    }
}

/// No call on the socket takes longer than this.
fn limit(socket: &OwnedFd, time: Duration) -> rustix::io::Result<()> {
    sockopt::set_socket_timeout(socket, sockopt::Timeout::Recv, Some(time))?;
    sockopt::set_socket_timeout(socket, sockopt::Timeout::Send, Some(time))
}

/// What a dead interpreter wrote. Another process may hold the pipe open, so its end is not waited for.
fn last_words(stderr: &std::process::ChildStderr) -> String {
    let mut data = vec![0; 16 << 10];
    let mut filled = 0;
    if rustix::io::ioctl_fionbio(stderr, true).is_ok() {
        while let Ok(size @ 1..) = rustix::io::read(stderr, &mut data[filled..]) {
            filled += size;
        }
    }
    String::from_utf8_lossy(&data[..filled]).into_owned()
}

/// Hands over the driver and waits until it says that it is warm.
fn greet(socket: &OwnedFd, bundle: &Bundle) -> rustix::io::Result<()> {
    let data = bundle.encode();
    send(socket, &(data.len() as u32).to_le_bytes(), SendFlags::NOSIGNAL)?;
    for chunk in data.chunks(32 << 10) {
        send(socket, chunk, SendFlags::NOSIGNAL)?;
    }
    let answer = receive(socket)?;
    if answer == b"warm" { Ok(()) } else { Err(rustix::io::Errno::PROTO) }
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
