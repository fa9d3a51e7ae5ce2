//! A forked, confined child as the supervisor sees it: its protocol, its output, its clocks, and how it ends. A child is
//! killed and reaped when its handle is dropped, whatever the reason, a cancelled future included.

use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use egcfg_task::Clock;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep_until};

use crate::error::SandboxError;
use crate::limits::Limits;
use crate::protocol::frame::{Frame, FrameError};
use crate::supervisor::clock::Watch;
use crate::supervisor::disk::{hides_more, is_over};
use crate::supervisor::groups::{Group, Groups};
use crate::supervisor::output::Output;
use crate::supervisor::reading::{Reading, resident};
use crate::supervisor::stream;
use crate::supervisor::trace_memory::TraceMemory;
use crate::supervisor::workdir::RunDirectory;
use crate::supervisor::zygote::{Exit, Role, Zygote};

/// See the module's paragraph.
#[derive(Debug)]
pub(crate) struct Child {
    pid: i32,
    generation: u64,
    pidfd: AsyncFd<OwnedFd>,
    protocol: UnixStream,
    buffer: Vec<u8>,
    limits: Arc<Limits>,
    /// Standard output.
    pub(crate) out: Output,
    /// Standard error.
    pub(crate) err: Output,
    trace: TraceMemory,
    zygote: Zygote,
    work: Option<PathBuf>,
    /// Its control group, where there are any.
    group: Option<Arc<Group>>,
    /// How many programs it has served.
    pub(crate) served: u32,
    /// When it was first sent a whole request: before that no line of a program can have run.
    asked: Option<Instant>,
}

/// Room for a frame. Most fit, and are read at once.
const ROOM: usize = 2 << 10;

/// What came instead of an answer.
#[derive(Debug)]
pub(crate) enum Ended {
    /// A clock ran out; the child still lives.
    Timeout(Clock),
    /// More output than allowed; the child still lives.
    Output,
    /// More files than allowed; the child still lives.
    Disk,
    /// More memory than allowed; the child still lives, unless the kernel has ended it.
    Memory,
    /// It ended after it had been refused a process or thread.
    Processes,
    /// Bytes that no honest child sends.
    Forged(FrameError),
    /// The process ended; `None` when nobody knows how.
    Exited(Option<Exit>),
}

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
            Ok(Ok(Some(frame))) if frame.kind == b'G' => Ok(()),
            Ok(Ok(Some(frame))) if frame.kind == b'H' => {
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

    /// Sends a request and waits for the answer under the clocks.
    pub(crate) async fn ask(
        &mut self,
        kind: u8,
        fields: &[&[u8]],
        watch: &mut Watch,
    ) -> Result<Frame, Ended> {
        self.exchange(&Frame::encode(kind, fields), watch).await
    }

    /// Waits for the next frame under the clocks.
    pub(crate) async fn next(&mut self, watch: &mut Watch) -> Result<Frame, Ended> {
        self.exchange(&[], watch).await
    }

    /// Writes what the socket takes at once; returns how much.
    pub(crate) fn post(&self, data: &[u8]) -> usize {
        self.protocol.try_write(data).unwrap_or(0)
    }

    /// Sends bytes of a frame and waits for one under the clocks.
    pub(crate) async fn exchange(&mut self, data: &[u8], watch: &mut Watch) -> Result<Frame, Ended> {
        watch.resume();
        // A child that does not read must not hold the supervisor up either: the clocks run from here.
        let mut sent = 0;
        loop {
            let next = Instant::from_std(watch.next_look());
            tokio::select! {
                biased;
                written = stream::write(&self.protocol, &data[sent..]), if sent < data.len() => match written {
                    Ok(size) => {
                        sent += size;
                        if sent == data.len() && self.asked.is_none() {
                            self.asked = Some(Instant::now());
                        }
                    }
                    // It died while it waited: that was no program's doing.
                    Err(_) if self.asked.is_none() => return Err(Ended::Exited(None)),
                    Err(_) => return Err(self.ended().await),
                },
                frame = stream::read(&self.protocol, &mut self.buffer, self.limits.message), if sent == data.len() => {
                    return match frame {
                        // What it says after the kernel has ended a part of it comes of that: it is not its answer.
                        Ok(Some(_)) if self.group.as_ref().is_some_and(|group| group.is_out_of_memory()) => {
                            Err(Ended::Memory)
                        }
                        Ok(Some(frame)) => {
                            watch.settle();
                            Ok(frame)
                        }
                        Ok(None) => Err(self.ended().await),
                        Err(error) => Err(Ended::Forged(error)),
                    };
                }
                () = self.out.exceeded() => return Err(Ended::Output),
                () = self.err.exceeded() => return Err(Ended::Output),
                () = sleep_until(next) => {
                    if let Some(ended) = self.overrun() {
                        return Err(ended);
                    }
                    if let Some(clock) = watch.look(Reading::take(self.pid)) {
                        return Err(Ended::Timeout(clock));
                    }
                }
            }
        }
    }

    /// Which limit of what it holds, memory or files, it is beyond now.
    pub(crate) fn overrun(&self) -> Option<Ended> {
        if self.group.as_ref().is_some_and(|group| group.is_out_of_memory()) {
            return Some(Ended::Memory);
        }
        if self.limits.resident && resident(self.pid) > self.limits.memory {
            return Some(Ended::Memory);
        }
        let (bytes, entries) = (self.limits.disk, self.limits.entries);
        let over = self.work.as_ref().is_some_and(|work| is_over(work, bytes, entries))
            || hides_more(self.pid, bytes, self.limits.file_size);
        over.then_some(Ended::Disk)
    }

    /// The stream has ended: the process has, too, or is made to.
    async fn ended(&mut self) -> Ended {
        if self.out.is_exceeded() || self.err.is_exceeded() {
            return Ended::Output;
        }
        let exit = self.exit().await;
        if let (Some(group), Some(Exit { status: 1.., .. })) = (&self.group, exit) {
            let account = group.account();
            if account.memory_kills > 0 {
                return Ended::Memory;
            }
            // Some libraries end the process when they are refused a thread.
            if account.refused > 0 {
                return Ended::Processes;
            }
        }
        Ended::Exited(exit)
    }

    /// Waits a moment for the process to end by itself, ends it otherwise, and says how it ended.
    pub(crate) async fn exit(&mut self) -> Option<Exit> {
        let grace = Duration::from_millis(200);
        if tokio::time::timeout(grace, self.pidfd.readable()).await.is_err() {
            self.kill();
        }
        let work = self.work.take()?;
        self.close_group();
        self.zygote.reap(self.pid, self.generation, work).await.ok().flatten()
    }

    /// Real time in which a line of a program can have run.
    pub(crate) fn lifetime(&self) -> Duration {
        self.asked.map_or(Duration::ZERO, |asked| asked.elapsed())
    }

    /// What the kernel says about the process now, where that can be known.
    pub(crate) fn reading(&self) -> Option<Reading> {
        Reading::take(self.pid)
    }

    /// The memory that its traces are written to.
    pub(crate) fn trace(&self) -> &TraceMemory {
        &self.trace
    }

    /// Whether nothing stands unread behind the last answer.
    pub(crate) fn is_quiet(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Whether bytes have come that nobody asked for.
    pub(crate) fn has_spoken(&mut self) -> bool {
        let mut byte = [0; 1];
        !self.buffer.is_empty() || matches!(self.protocol.try_read(&mut byte), Ok(size) if size > 0)
    }

    /// Whether the process is there and has said nothing.
    pub(crate) fn is_fresh(&mut self) -> bool {
        let mut byte = [0; 1];
        let silent =
            matches!(&self.protocol.try_read(&mut byte), Err(error) if error.kind() == ErrorKind::WouldBlock);
        silent && self.buffer.is_empty()
    }

    /// From now on its number may be anybody's.
    fn close_group(&self) {
        if let Some(group) = &self.group {
            group.close();
        }
    }

    fn kill(&self) {
        let _ = pidfd_send_signal(self.pidfd.get_ref().as_fd(), Signal::KILL);
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

impl Drop for Child {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            self.kill();
            self.close_group();
            self.zygote.discard(self.pid, self.generation, work);
        }
    }
}
