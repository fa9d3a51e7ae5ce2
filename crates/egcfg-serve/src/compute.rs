//! Work that computes for long: templates, tokenising, large replies. It runs off the threads that carry requests, and the
//! request's slot goes with it, so that a client who goes away frees the slot only once the work for it is over.

use axum::http::StatusCode;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::admission::Slot;
use crate::error::ApiError;

/// Carries out a computation under a slot, and gives the slot back with its result.
pub(crate) async fn compute<T: Send + 'static>(
    slot: Slot,
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<(Slot, T), ApiError> {
    let task = tokio::task::spawn_blocking(move || work().map(|done| (slot, done)));
    task.await.unwrap_or_else(|_| Err(lost()))
}

/// Carries out a short computation that may wait for a disk, off the threads that carry requests.
pub(crate) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| lost())
}

/// Carries out a future under a slot on a thread of its own: what it computes between its waits keeps no other request from
/// going on. It ends when nobody waits for it any more.
pub(crate) async fn apart<T, F>(
    slot: Slot,
    work: impl FnOnce() -> F + Send + 'static,
) -> Result<(Slot, T), ApiError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, ApiError>>,
{
    // Dropped together with this future.
    let (_waiting, gone) = oneshot::channel::<()>();
    let runtime = Handle::current();
    let task = tokio::task::spawn_blocking(move || {
        runtime.block_on(async move {
            tokio::select! {
                result = work() => result.map(|done| (slot, done)),
                _ = gone => Err(lost()),
            }
        })
    });
    task.await.unwrap_or_else(|_| Err(lost()))
}

fn lost() -> ApiError {
    let message = "the server failed to carry the request out";
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", message)
}
