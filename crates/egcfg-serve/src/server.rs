//! The listening socket: a bounded number of connections, and an orderly end.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::app::App;
use crate::router::router;

/// Answers requests until `end` is ready; then takes no new ones, gives those at work [`crate::Limits::grace`] to end, and
/// drops the rest. Returns whether all of them ended.
pub async fn serve(listener: TcpListener, app: App, end: impl Future<Output = ()>) -> io::Result<bool> {
    let grace = app.limits().grace;
    let permits = Arc::new(Semaphore::new(app.limits().connections.max(1)));
    let (tell, mut heard) = watch::channel(false);
    let closing = async move {
        let _ = heard.wait_for(|ending| *ending).await;
    };
    let server = axum::serve(Bounded { listener, permits }, router(app)).with_graceful_shutdown(closing);
    let server = std::future::IntoFuture::into_future(server);
    tokio::pin!(server, end);
    tokio::select! {
        result = &mut server => return result.map(|()| true),
        () = &mut end => {}
    }
    // The server may have ended already.
    let _ = tell.send(true);
    match tokio::time::timeout(grace, server).await {
        Ok(result) => result.map(|()| true),
        Err(_) => Ok(false),
    }
}

/// Accepts while fewer connections are open than allowed.
struct Bounded {
    listener: TcpListener,
    permits: Arc<Semaphore>,
}

impl Listener for Bounded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let Ok(permit) = Arc::clone(&self.permits).acquire_owned().await else {
                // The semaphore is never closed.
                std::future::pending::<()>().await;
                continue;
            };
            let (stream, address) = Listener::accept(&mut self.listener).await;
            // Events of a stream are small and wanted at once.
            if stream.set_nodelay(true).is_ok() {
                return (Connection { stream, _permit: permit }, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that counts.
struct Connection {
    stream: TcpStream,
    _permit: OwnedSemaphorePermit,
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
