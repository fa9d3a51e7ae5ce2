//! Reading and writing frames on a child's socket, so that a wait can be given up at any moment without losing a byte.

use std::io::ErrorKind;

use tokio::net::UnixStream;

use crate::protocol::frame::{Frame, FrameError};

/// Writes some bytes. May be cancelled and called again.
pub(crate) async fn write(protocol: &UnixStream, data: &[u8]) -> std::io::Result<usize> {
    loop {
        match protocol.try_write(data) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => protocol.writable().await?,
            other => return other,
        }
    }
}

/// The next frame; `None` at the end of the stream. May be cancelled and called again.
pub(crate) async fn read(
    protocol: &UnixStream,
    buffer: &mut Vec<u8>,
    limit: u64,
) -> Result<Option<Frame>, FrameError> {
    loop {
        if let Some(frame) = Frame::take(buffer, limit as usize)? {
            return Ok(Some(frame));
        }
        match protocol.try_read_buf(buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if protocol.readable().await.is_err() {
                    return Ok(None);
                }
            }
            Ok(0) | Err(_) => return Ok(None),
            Ok(_) => {}
        }
    }
}
