//! How a child comes to be: forked by the warm interpreter, moved into its control group, and confined before anything is sent.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::UnixStream;

use crate::error::SandboxError;
use crate::limits::Limits;
use crate::protocol::names::answer;
use crate::supervisor::child::Child;
use crate::supervisor::groups::Groups;
use crate::supervisor::output::Output;
use crate::supervisor::stream;
use crate::supervisor::trace_memory::TraceMemory;
use crate::supervisor::workdir::RunDirectory;
use crate::supervisor::zygote::{Role, Zygote};

/// Room for a frame. Most fit, and are read at once.
const ROOM: usize = 2 << 10;

impl Child {
    /// Forks a child and waits until it is confined and ready.
    pub(crate) async fn fork(
        zygote: &Zygote,
        role: Role,
        run: &RunDirectory,
        limits: &Arc<Limits>,
        groups: Option<&Arc<Groups>>,
    ) -> Result<Self, SandboxError> {
        let spawn = |error: rustix::io::Errno| SandboxError::Spawn(error.to_string());
        let io = |error: std::io::Error| SandboxError::Spawn(error.to_string());
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).map_err(spawn)?;
        let (out, out_end) = pipe_with(PipeFlags::CLOEXEC).map_err(spawn)?;
        let (err, err_end) = pipe_with(PipeFlags::CLOEXEC).map_err(spawn)?;
        let (trace, their_trace) = TraceMemory::new().map_err(io)?;
        let ours = std::os::unix::net::UnixStream::from(ours);
        ours.set_nonblocking(true).map_err(io)?;
        // Whatever can fail without the child comes before it: from then on there is something to end and to reap.
        let protocol = UnixStream::from_std(ours).map_err(io)?;
        let out = Output::drain(out, limits.output).map_err(io)?;
        let err = Output::drain(err, limits.output).map_err(io)?;
        let grouped = |error: std::io::Error| SandboxError::Spawn(format!("its control group: {error}"));
        let group = groups.map(|groups| groups.create(limits)).transpose().map_err(grouped)?;
        let work = run.next();
        let forked = zygote.fork(role, work, vec![out_end, err_end, theirs, their_trace]).await?;
        let (pid, generation) = (forked.pid, forked.generation);
        // Nobody reaps before the supervisor says so: the number is this child's.
        let pidfd = Pid::from_raw(pid)
            .ok_or_else(|| SandboxError::Protocol(format!("{pid} is no process id")))
            .and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).map_err(no_pidfd))
            .and_then(|fd| watch_exit(fd).map_err(io))?;
        let mut child = Self {
            pid,
            generation,
            pidfd,
            protocol,
            buffer: Vec::with_capacity(ROOM),
            limits: Arc::clone(limits),
            out,
            err,
            trace,
            zygote: zygote.clone(),
            work: Some(forked.keep()),
            group: group.clone(),
            served: 0,
            asked: None,
        };
        // It moves into its group while it confines itself: all before the first byte of a program is sent.
        let admitted = async {
            let Some(group) = group else { return Ok(()) };
            let moved = tokio::task::spawn_blocking(move || group.admit(pid)).await;
            moved.map_err(std::io::Error::other).flatten().map_err(grouped)
        };
        if role != Role::Probe {
            let (greeted, admitted) = tokio::join!(child.greet(), admitted);
            greeted.and(admitted)?;
        }
        Ok(child)
    }

    /// Waits for the word that the confinement is in force; nothing of a program has been read before it.
    async fn greet(&mut self) -> Result<(), SandboxError> {
        match tokio::time::timeout(
            self.zygote.greeting,
            stream::read(&self.protocol, &mut self.buffer, self.limits.message),
        )
        .await
        {
            Ok(Ok(Some(frame))) if frame.kind == answer::READY => Ok(()),
            Ok(Ok(Some(frame))) if frame.kind == answer::NOT_DONE => {
                Err(SandboxError::Spawn(format!("not confined as it should be: {}", frame.text(0))))
            }
            Ok(Ok(None)) => {
                let exit = self.exit().await;
                Err(SandboxError::Spawn(format!("it ended before it began ({exit:?})")))
            }
            Ok(other) => Err(SandboxError::Protocol(format!("{other:?} instead of a greeting"))),
            Err(_) => Err(SandboxError::Spawn("it did not begin in time".to_owned())),
        }
    }
}

/// Why there is no descriptor of a process. No number of tries or free processes helps where the system lacks the call.
fn no_pidfd(error: rustix::io::Errno) -> SandboxError {
    if error == rustix::io::Errno::NOSYS {
        return SandboxError::Zygote(
            "this system has no pidfd_open (hint: Linux has it since 5.3; old versions of gVisor lack it)"
                .to_owned(),
        );
    }
    SandboxError::Spawn(error.to_string())
}

/// Registers the descriptor that becomes readable when the process ends.
#[allow(
    deprecated,
    reason = "an OwnedFd names an open descriptor as long as it lives, which is all the newer call asks"
)]
fn watch_exit(fd: OwnedFd) -> std::io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(fd, Interest::READABLE)
}
