//! The process of a warm interpreter: starting it, handing over the driver, exchanging packets with it, and what it said before
//! it died.

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
    recv, send, sendmsg, socketpair, sockopt,
};

use crate::supervisor::bundle::{BOOT, Bundle};

/// A warm interpreter; it ends with this.
pub(crate) struct Running {
    process: Child,
    /// Requests and answers.
    pub(crate) socket: OwnedFd,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One packet there, one back.
pub(crate) fn exchange(
    socket: &OwnedFd,
    packet: &[u8],
    fds: &[BorrowedFd<'_>],
) -> rustix::io::Result<Vec<u8>> {
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

/// Starts an interpreter and waits until it is warm.
pub(crate) fn spawn(bundle: &Bundle) -> Result<Running, String> {
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
    let greeted = limit(&running.socket, bundle.patience.warming)
        .and_then(|()| greet(&running.socket, bundle))
        .and_then(|()| limit(&running.socket, bundle.patience.answer));
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
fn last_words(stderr: &ChildStderr) -> String {
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
