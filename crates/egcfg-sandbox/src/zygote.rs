//! The warm interpreter and the thread that owns it. One long-lived thread starts the process (its parent-death signal
//! belongs to that thread), sends it requests to fork and to reap, removes the work directories of dead children, and
//! replaces it when it dies. Everyone else talks to the thread.

use std::io::{IoSlice, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, mpsc};

use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
    recv, send, sendmsg, socketpair,
};
use tokio::sync::oneshot;

use crate::bundle::{BOOT, Bundle};
use crate::workdir::{RunDirectory, remove_tree};

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
    Fork { role: Role, work: PathBuf, fds: Vec<OwnedFd>, reply: oneshot::Sender<Result<(i32, u64), String>> },
    Reap { pid: i32, generation: u64, work: PathBuf, reply: Option<oneshot::Sender<Option<Exit>>> },
    Expect { steps: Vec<String>, cpu: u64 },
}

/// A handle on the thread. When the last one goes, the interpreter and its children end.
#[derive(Debug, Clone)]
pub(crate) struct Zygote {
    requests: mpsc::Sender<Request>,
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
    ) -> Result<(i32, u64), String> {
        let (reply, answer) = oneshot::channel();
        let gone = || "its thread has ended".to_owned();
        self.requests.send(Request::Fork { role, work, fds, reply }).map_err(|_| gone())?;
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

fn serve(
    mut bundle: Bundle,
    inbox: &mpsc::Receiver<Request>,
    ready: oneshot::Sender<Result<(), String>>,
    run: &RunDirectory,
) {
    let mut generation = 0;
    // Without the filters a program could have left a process behind, which would know its directory.
    let mut alone = false;
    let mut running = match spawn(&bundle) {
        Ok(running) => {
            let _ = ready.send(Ok(()));
            Some(running)
        }
        Err(error) => {
            let _ = ready.send(Err(error));
            return;
        }
    };
    for request in inbox {
        match request {
            Request::Fork { role, work, fds, reply } => {
                let answer = fork(&mut running, &mut generation, &bundle, role, &work, &fds);
                let _ = reply.send(answer.map(|pid| (pid, generation)));
            }
            Request::Reap { pid, generation: born, work, reply } => {
                // The children of an earlier interpreter died with it.
                let exit = if born == generation { reap(&mut running, pid) } else { None };
                if !(alone && exit.is_some() && run.keep(&work)) {
                    remove(work);
                }
                if let Some(reply) = reply {
                    let _ = reply.send(exit);
                }
            }
            Request::Expect { steps, cpu } => {
                bundle.expect(&steps, cpu);
                alone = steps.iter().any(|step| step == "seccomp");
                let packet = format!("X{cpu}
{}", steps.join("
")).into_bytes();
                if let Some(alive) = &running
                    && exchange(&alive.socket, &packet, &[]).is_err()
                {
                    running = None;
                }
            }
        }
    }
}

fn fork(
    running: &mut Option<Running>,
    generation: &mut u64,
    bundle: &Bundle,
    role: Role,
    work: &Path,
    fds: &[OwnedFd],
) -> Result<i32, String> {
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
        if running.is_none() {
            *generation += 1;
            *running = Some(spawn(bundle)?);
        }
        let Some(alive) = running.as_ref() else { break };
        match exchange(&alive.socket, &packet, &fds) {
            Ok(answer) => match (answer.first(), answer.get(1..5)) {
                (Some(b'P'), Some(&[a, b, c, d])) => return Ok(i32::from_ne_bytes([a, b, c, d])),
                (Some(b'E'), _) => return Err(String::from_utf8_lossy(&answer[1..]).into_owned()),
                _ => "it gave an answer that is none".clone_into(&mut last),
            },
            Err(error) => last = error.to_string(),
        }
        *running = None;
    }
    Err(last)
}

fn reap(running: &mut Option<Running>, pid: i32) -> Option<Exit> {
    let alive = running.as_ref()?;
    let mut packet = vec![b'R'];
    packet.extend(pid.to_ne_bytes());
    let Ok(answer) = exchange(&alive.socket, &packet, &[]) else {
        *running = None;
        return None;
    };
    let (b'S', rest) = answer.split_first()? else { return None };
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
    match greet(&running.socket, bundle) {
        Ok(()) => Ok(running),
        Err(error) => {
            let mut text = String::new();
            let _ = running.process.kill();
            if let Some(stderr) = running.process.stderr.take() {
                let _ = stderr.take(16 << 10).read_to_string(&mut text);
            }
            let last = text.lines().last().map(|line| format!(": {line}")).unwrap_or_default();
            Err(format!("{}: it did not start ({error}){last}", bundle.python.display()))
        }
    }
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
    if std::fs::remove_dir(&work).is_err() && work.exists() {
        // A program may have left much behind: not on this thread, which others wait for.
        std::thread::spawn(move || remove_tree(&work));
    }
}
