//! Server-sent events. The work runs in a task of its own that ends when nobody reads any more, or when the reader falls
//! too far behind.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use futures::stream;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use crate::app::App;
use crate::error::ApiError;

/// Where the work puts its events.
#[derive(Clone)]
pub(crate) struct Events {
    outbox: UnboundedSender<Bytes>,
    backlog: Arc<Backlog>,
}

/// What was sent and not fetched.
struct Backlog {
    bytes: AtomicUsize,
    most: usize,
    /// More than that: nothing is sent any more but the end.
    exceeded: AtomicBool,
    over: Notify,
}

impl Events {
    /// Sends one event.
    pub(crate) fn send(&self, value: &impl serde::Serialize) {
        self.write(b"", value);
    }

    /// Sends one event under a name.
    pub(crate) fn send_named(&self, name: &str, value: &impl serde::Serialize) {
        self.write(format!("event: {name}\n").as_bytes(), value);
    }

    fn write(&self, before: &[u8], value: &impl serde::Serialize) {
        let mut line = [before, b"data: "].concat();
        if serde_json::to_writer(&mut line, value).is_ok() {
            line.extend_from_slice(b"\n\n");
            self.put(line);
        }
    }

    fn put(&self, line: Vec<u8>) {
        let backlog = &self.backlog;
        if backlog.exceeded.load(Ordering::Relaxed) {
            return;
        }
        if backlog.bytes.fetch_add(line.len(), Ordering::Relaxed) + line.len() > backlog.most {
            backlog.exceeded.store(true, Ordering::Relaxed);
            backlog.over.notify_one();
            return;
        }
        // Nobody reads any more: the task is about to be ended.
        let _ = self.outbox.send(Bytes::from(line));
    }
}

/// What the client still holds.
struct Reader {
    inbox: UnboundedReceiver<Bytes>,
    backlog: Arc<Backlog>,
    task: JoinHandle<()>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Answers with the events of a piece of work. What it cannot carry out becomes a last event, and a mark ends all.
pub(crate) fn respond<F, W>(app: App, work: W) -> Response
where
    W: FnOnce(Events) -> F,
    F: Future<Output = Result<(), ApiError>> + Send + 'static,
{
    respond_with(app, work, |events, ended| {
        if let Err(error) = ended {
            events.send(&error.json());
        }
        events.put(b"data: [DONE]\n\n".to_vec());
    })
}

/// The same with an end of its own.
pub(crate) fn respond_with<F, W>(
    app: App,
    work: W,
    end: impl FnOnce(&Events, Result<(), ApiError>) + Send + 'static,
) -> Response
where
    W: FnOnce(Events) -> F,
    F: Future<Output = Result<(), ApiError>> + Send + 'static,
{
    let (outbox, inbox) = unbounded_channel();
    let most = app.limits().stream_bytes;
    let backlog = Arc::new(Backlog {
        bytes: AtomicUsize::new(0),
        most,
        exceeded: AtomicBool::new(false),
        over: Notify::new(),
    });
    let events = Events { outbox, backlog: Arc::clone(&backlog) };
    let work = work(events.clone());
    let task = tokio::spawn(async move {
        let ended = tokio::select! {
            ended = app.within_limits(work) => ended,
            () = events.backlog.over.notified() => Err(too_slow()),
        };
        // Work that never waits is over before anybody looks.
        let exceeded = events.backlog.exceeded.swap(false, Ordering::Relaxed);
        // The last words are small; a reader that fell behind gets them too.
        events.backlog.bytes.store(0, Ordering::Relaxed);
        end(&events, if exceeded { Err(too_slow()) } else { ended });
    });
    let body = stream::unfold(Reader { inbox, backlog, task }, |mut reader| async move {
        let bytes = reader.inbox.recv().await?;
        let less = |all: usize| Some(all.saturating_sub(bytes.len()));
        let _ = reader.backlog.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        Some((Ok::<Bytes, Infallible>(bytes), reader))
    });
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn too_slow() -> ApiError {
    let message = "the stream was read too slowly";
    ApiError::new(StatusCode::REQUEST_TIMEOUT, "timeout_error", message).code("slow_reader")
}
