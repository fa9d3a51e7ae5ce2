//! A socket as the HTTP library sees it. A write that makes no progress for too long ends the connection: nobody reads.
//! And what the library answers by itself, to a head that is none, gets a body in the form that all errors have.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

use crate::error::ApiError;

/// A connection's bytes.
pub(crate) struct Wire {
    stream: TcpStream,
    /// How long a write may stand still.
    patience: Duration,
    stuck: Option<Pin<Box<Sleep>>>,
    /// What stands in place of a bare answer, and how much of it is written.
    instead: Vec<u8>,
    written: usize,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream, patience: Duration) -> Self {
        Self { stream, patience, stuck: None, instead: Vec::new(), written: 0 }
    }

    /// Counts the time for which a write stands still.
    fn judge<T>(&mut self, cx: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.stuck = None;
            return poll;
        }
        let patience = self.patience;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(patience)));
        match stuck.as_mut().poll(cx) {
            Poll::Ready(()) => {
                // Polled again, it would be over already.
                stuck.as_mut().reset(Instant::now() + patience);
                Poll::Ready(Err(io::Error::from(io::ErrorKind::TimedOut)))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// Writes what stands in place of a bare answer.
    fn poll_instead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.instead.len() {
            let poll = Pin::new(&mut self.stream).poll_write(cx, &self.instead[self.written..]);
            match self.judge(cx, poll) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::Error::from(io::ErrorKind::WriteZero))),
                Poll::Ready(Ok(count)) => self.written += count,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        (self.instead, self.written) = (Vec::new(), 0);
        Poll::Ready(Ok(()))
    }
}

/// The whole answer to a request that could not be read as one, where `bytes` are the library's bare form of it: a status
/// of 4xx and an empty body, which no answer of this server has.
fn dressed(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes.strip_prefix(b"HTTP/1.1 ")?).ok()?;
    let code: u16 = text.get(..3)?.parse().ok()?;
    let (head, rest) = text.split_once("\r\n\r\n")?;
    let bare = head.lines().any(|line| line.eq_ignore_ascii_case("content-length: 0"));
    if !(400..500).contains(&code) || !bare || !rest.is_empty() {
        return None;
    }
    let status = StatusCode::from_u16(code).ok()?;
    let message = match code {
        414 => "the request's address is too long",
        431 => "the request's headers are too large",
        _ => "the request is not well-formed HTTP",
    };
    let body = ApiError::new(status, "invalid_request_error", message).json().to_string();
    let reason = status.canonical_reason().unwrap_or("Error");
    let head = format!(
        "HTTP/1.1 {code} {reason}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    Some((head + &body).into_bytes())
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.poll_instead(cx) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => return Poll::Pending,
        }
        if let [only] = bufs
            && let Some(instead) = dressed(only)
        {
            self.instead = instead;
            return match self.poll_instead(cx) {
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                _ => Poll::Ready(Ok(only.len())),
            };
        }
        let poll = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.judge(cx, poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.poll_instead(cx) {
            Poll::Ready(Ok(())) => Pin::new(&mut self.stream).poll_flush(cx),
            other => other,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.poll_instead(cx) {
            Poll::Ready(Ok(())) => Pin::new(&mut self.stream).poll_shutdown(cx),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::dressed;

    #[test]
    fn only_bare_errors_are_dressed() {
        let bare =
            b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        let whole = String::from_utf8(dressed(bare).unwrap()).unwrap();
        let (head, body) = whole.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with("HTTP/1.1 431 ") && head.contains(&format!("content-length: {}", body.len()))
        );
        let error: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(error["error"]["message"], "the request's headers are too large");
        for other in [
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\ncontent-length: 10\r\n\r\n{\"a\":   3}",
            "{\"error\": \"HTTP/1.1 400 Bad Request content-length: 0\"}",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n",
            "HTTP/1.1 4",
        ] {
            assert_eq!(dressed(other.as_bytes()), None, "{other}");
        }
    }
}
