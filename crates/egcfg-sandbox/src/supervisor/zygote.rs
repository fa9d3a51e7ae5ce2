//! The handle on a warm interpreter, for everyone but the thread that owns it (see [`crate::supervisor::keeper`]): requests to fork and to
//! reap go there, answers come back. A child that nobody has taken over is ended, whatever became of whoever asked for it.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::error::SandboxError;

/// What a child is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Runs a program.
    Candidate,
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

/// What the thread is asked.
pub(crate) enum Request {
    Fork {
        role: Role,
        work: PathBuf,
        fds: Vec<OwnedFd>,
        owner: Zygote,
        reply: oneshot::Sender<Result<Forked, SandboxError>>,
    },
    /// A child has been killed or has ended.
    Reap(Ended),
    /// A child lives that nobody has taken over.
    Abandon(Ended),
    Expect {
        steps: Vec<String>,
        cpu: u64,
    },
}

/// A child to be reaped, and its work directory to be removed.
pub(crate) struct Ended {
    pub(crate) pid: i32,
    pub(crate) generation: u64,
    pub(crate) work: PathBuf,
    /// Who wants to know how it ended.
    pub(crate) reply: Option<oneshot::Sender<Option<Exit>>>,
}

/// A handle on the thread. When the last one goes, the interpreter and its children end.
#[derive(Debug, Clone)]
pub(crate) struct Zygote {
    requests: mpsc::Sender<Request>,
    /// How long a child may take until it is confined.
    pub(crate) greeting: Duration,
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
    pub(crate) fn new(pid: i32, generation: u64, work: PathBuf, owner: Zygote) -> Self {
        Self { pid, generation, work: Some(work), owner }
    }

    /// Takes it over: its end and its work directory are the caller's business now.
    pub(crate) fn keep(mut self) -> PathBuf {
        self.work.take().unwrap_or_default()
    }
}

impl Drop for Forked {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            let ended = Ended { pid: self.pid, generation: self.generation, work, reply: None };
            let _ = self.owner.requests.send(Request::Abandon(ended));
        }
    }
}

impl Zygote {
    /// A handle that sends its requests there; `greeting` is how long a child may take until it is confined.
    pub(crate) fn new(requests: mpsc::Sender<Request>, greeting: Duration) -> Self {
        Self { requests, greeting }
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

    /// Has a child reaped that has been killed, some time soon.
    pub(crate) fn discard(&self, pid: i32, generation: u64, work: PathBuf) {
        let _ = self.requests.send(Request::Reap(Ended { pid, generation, work, reply: None }));
    }

    /// Reaps a child that has been killed or has ended, and removes its work directory.
    pub(crate) fn reap(&self, pid: i32, generation: u64, work: PathBuf) -> oneshot::Receiver<Option<Exit>> {
        let (reply, answer) = oneshot::channel();
        let _ = self.requests.send(Request::Reap(Ended { pid, generation, work, reply: Some(reply) }));
        answer
    }

    /// From now on children refuse to run unless these steps succeed, and the kernel ends them after `cpu` seconds.
    pub(crate) fn expect(&self, steps: Vec<String>, cpu: u64) {
        let _ = self.requests.send(Request::Expect { steps, cpu });
    }
}
