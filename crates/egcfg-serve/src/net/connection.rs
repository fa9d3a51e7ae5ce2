//! One connection: its requests one after the other, each as a task on the threads that work, so that this thread is free
//! for all others; and its end, by its own will, for want of room, or with the server.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::error::ApiError;
use crate::limits::Limits;
use crate::net::crowd::Member;
use crate::net::wire::Wire;

/// How far a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It takes requests.
    Open,
    /// It answers those it has.
    Closing,
    /// It ends.
    Over,
}

/// What all connections share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) router: Router,
    /// Where requests are carried out.
    pub(crate) work: Handle,
    pub(crate) limits: Limits,
}

/// Carries a connection to its end.
pub(crate) async fn carry(
    stream: TcpStream,
    member: Member,
    shared: Shared,
    mut phase: watch::Receiver<Phase>,
) {
    // Events of a stream are small and wanted at once.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let (owner, work) = (member.clone(), shared.work);
    let router = TowerToHyperService::new(shared.router);
    let service = service_fn(move |request: Request<Incoming>| {
        let (member, work, router) = (owner.clone(), work.clone(), router.clone());
        async move { Ok::<_, Infallible>(answer(request, member, &work, router).await) }
    });
    let io = TokioIo::new(Wire::new(stream, shared.limits.write_time));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(shared.limits.header_time)
        .serve_connection(io, service);
    tokio::pin!(connection);
    if *phase.borrow_and_update() == Phase::Closing {
        connection.as_mut().graceful_shutdown();
    }
    loop {
        tokio::select! {
            // What the client did wrong was answered; what it did not wait for is its own affair.
            _ = connection.as_mut() => return,
            () = member.sent_away() => return,
            changed = phase.changed() => match (changed, *phase.borrow()) {
                (Ok(()), Phase::Closing) => connection.as_mut().graceful_shutdown(),
                (Ok(()), Phase::Open) => {}
                _ => return,
            },
        }
    }
}

async fn answer(
    request: Request<Incoming>,
    member: Member,
    work: &Handle,
    router: TowerToHyperService<Router>,
) -> Response {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(member.clone());
    // Whoever watches over the process wants to hear that it lives, not that its work is done.
    let here = matches!(request.uri().path(), "/health" | "/metrics");
    let future = router.call(request);
    let answered = if here { future.await } else { Task(work.spawn(future)).await };
    let response = answered.unwrap_or_else(|never| match never {});
    member.at_work();
    response.map(|inner| Body::new(Answer { inner, member }))
}

/// A request's task. It ends when nobody waits for it any more.
struct Task(JoinHandle<Result<Response, Infallible>>);

impl Future for Task {
    type Output = Result<Response, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|ended| {
            ended.unwrap_or_else(|_| {
                let message = "the server failed to carry the request out";
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                Ok(ApiError::new(status, "server_error", message).into_response())
            })
        })
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// An answer's body: when it is over, the connection waits again.
struct Answer {
    inner: Body,
    member: Member,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.member.waits();
    }
}
