//! A forked, confined child as the supervisor sees it: its protocol, its output, its clocks, and how it ends. A child is
//! killed and reaped when its handle is dropped, whatever the reason, a cancelled future included.

use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use egcfg_task::Clock;
use rustix::process::{Signal, pidfd_send_signal};
use tokio::io::unix::AsyncFd;
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep_until};

use crate::limits::Limits;
use crate::protocol::frame::{Frame, FrameError};
use crate::supervisor::clock::Watch;
use crate::supervisor::disk::{hides_more, is_over};
use crate::supervisor::groups::Group;
use crate::supervisor::output::Output;
use crate::supervisor::reading::{Reading, resident};
use crate::supervisor::stream;
use crate::supervisor::trace_memory::TraceMemory;
use crate::supervisor::zygote::{Exit, Zygote};

/// See the module's paragraph.
#[derive(Debug)]
pub(crate) struct Child {
    pub(super) pid: i32,
    pub(super) generation: u64,
    pub(super) pidfd: AsyncFd<OwnedFd>,
    pub(super) protocol: UnixStream,
    pub(super) buffer: Vec<u8>,
    pub(super) limits: Arc<Limits>,
    /// Standard output.
    pub(crate) out: Output,
    /// Standard error.
    pub(crate) err: Output,
    pub(super) trace: TraceMemory,
    pub(super) zygote: Zygote,
    pub(super) work: Option<PathBuf>,
    /// Its control group, where there are any.
    pub(super) group: Option<Arc<Group>>,
    /// How many programs it has served.
    pub(crate) served: u32,
    /// When it was first sent a whole request: before that no line of a program can have run.
    pub(super) asked: Option<Instant>,
}

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

impl Drop for Child {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            self.kill();
            self.close_group();
            self.zygote.discard(self.pid, self.generation, work);
        }
    }
}
