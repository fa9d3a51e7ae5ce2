//! Server-sent events. The work runs in a task of its own that ends when nobody reads any more.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures::stream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use crate::error::ApiError;

/// Where the work puts its events.
#[derive(Clone)]
pub(crate) struct Events(UnboundedSender<Bytes>);

impl Events {
    /// Sends one event.
    pub(crate) fn send(&self, value: &impl serde::Serialize) {
        if let Ok(mut line) = serde_json::to_vec(value) {
            line.splice(..0, *b"data: ");
            line.extend_from_slice(b"\n\n");
            // Nobody reads any more: the task is about to be ended.
            let _ = self.0.send(Bytes::from(line));
        }
    }
}

/// What the client still holds.
struct Reader {
    inbox: UnboundedReceiver<Bytes>,
    task: JoinHandle<()>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Answers with the events of a piece of work. What it cannot carry out becomes a last event.
pub(crate) fn respond<F, W>(limit: Duration, work: W) -> Response
where
    W: FnOnce(Events) -> F,
    F: Future<Output = Result<(), ApiError>> + Send + 'static,
{
    let (outbox, inbox) = unbounded_channel();
    let events = Events(outbox);
    let work = work(events.clone());
    let task = tokio::spawn(async move {
        let result = tokio::time::timeout(limit, work).await;
        if let Err(error) = result.unwrap_or_else(|_| Err(ApiError::timeout(limit.as_secs_f64()))) {
            events.send(&error.json());
        }
        let _ = events.0.send(Bytes::from_static(b"data: [DONE]\n\n"));
    });
    let body = stream::unfold(Reader { inbox, task }, |mut reader| async move {
        let bytes = reader.inbox.recv().await?;
        Some((Ok::<Bytes, Infallible>(bytes), reader))
    });
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
