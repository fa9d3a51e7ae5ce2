//! What a child writes to its standard output and error: drained all the time, so that no child blocks on a full pipe,
//! kept up to a limit, counted beyond it.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::Notify;

/// The reading end of one pipe.
#[derive(Debug)]
pub(crate) struct Output {
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    kept: Mutex<Kept>,
    limit: u64,
    exceeded: Notify,
    flush: Notify,
    flushed: Notify,
}

#[derive(Debug, Default)]
struct Kept {
    data: Vec<u8>,
    total: u64,
}

impl Output {
    /// Starts draining `pipe`.
    pub(crate) fn drain(pipe: OwnedFd, limit: u64) -> std::io::Result<Self> {
        let pipe = Receiver::from_owned_fd(pipe)?;
        let shared = Arc::new(Shared {
            kept: Mutex::default(),
            limit,
            exceeded: Notify::new(),
            flush: Notify::new(),
            flushed: Notify::new(),
        });
        let task = tokio::spawn(run(pipe, Arc::clone(&shared)));
        Ok(Self { shared, task })
    }

    /// Ends when more than the limit has been written.
    pub(crate) async fn exceeded(&self) {
        self.shared.exceeded.notified().await;
    }

    /// Whether more than the limit has been written.
    pub(crate) fn is_exceeded(&self) -> bool {
        lock(&self.shared.kept).total > self.shared.limit
    }

    /// What had been written at the time of this call, or so far where the pipe stays busy.
    pub(crate) async fn so_far(&self) -> Vec<u8> {
        self.shared.flush.notify_one();
        let wait = tokio::time::timeout(std::time::Duration::from_secs(1), self.shared.flushed.notified());
        let _ = wait.await;
        std::mem::take(&mut lock(&self.shared.kept).data)
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(mut pipe: Receiver, shared: Arc<Shared>) {
    let mut chunk = vec![0; 16 << 10];
    loop {
        tokio::select! {
            read = pipe.read(&mut chunk) => match read {
                Ok(0) | Err(_) => break,
                Ok(size) => keep(&shared, &chunk[..size]),
            },
            () = shared.flush.notified() => {
                // Asked of the kernel itself: what the runtime knows of the pipe may be older than the answer that
                // said that everything is written.
                // Whoever writes faster than it is read does not hold this thread beyond the limit.
                while let Ok(size) = rustix::io::read(&pipe, &mut chunk) {
                    if size == 0 {
                        break;
                    }
                    keep(&shared, &chunk[..size]);
                    if lock(&shared.kept).total > shared.limit {
                        break;
                    }
                }
                shared.flushed.notify_one();
            }
        }
    }
    // The pipe is closed: everything has been read, whoever asks.
    loop {
        shared.flushed.notify_one();
        shared.flush.notified().await;
    }
}

fn keep(shared: &Shared, data: &[u8]) {
    let mut kept = lock(&shared.kept);
    let before = kept.total;
    kept.total += data.len() as u64;
    let room = usize::try_from(shared.limit.saturating_sub(before)).unwrap_or(usize::MAX);
    kept.data.extend_from_slice(&data[..data.len().min(room)]);
    if kept.total > shared.limit && before <= shared.limit {
        shared.exceeded.notify_one();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::Output;

    /// A reader that trusted the runtime's view of the pipe lost output written just before the question.
    #[tokio::test]
    async fn nothing_written_before_the_question_is_missing() {
        for round in 0..500 {
            let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
            rustix::io::ioctl_fionbio(&reader, true).unwrap();
            let output = Output::drain(reader, 1 << 20).unwrap();
            let mut writer = std::fs::File::from(writer);
            tokio::task::yield_now().await;
            writer.write_all(b"3\n").unwrap();
            assert_eq!(output.so_far().await, b"3\n", "round {round}");
        }
    }
}
