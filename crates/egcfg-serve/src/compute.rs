//! Work that computes for long: templates, tokenising, large replies. It runs off the threads that carry requests, and the
//! request's slot goes with it, so that a client who goes away frees the slot only once the work for it is over.

use axum::http::StatusCode;

use crate::admission::Slot;
use crate::error::ApiError;

/// Carries out a computation under a slot, and gives the slot back with its result.
pub(crate) async fn compute<T: Send + 'static>(
    slot: Slot,
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<(Slot, T), ApiError> {
    let task = tokio::task::spawn_blocking(move || work().map(|done| (slot, done)));
    task.await.unwrap_or_else(|_| {
        let message = "the server failed to carry the request out";
        Err(ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", message))
    })
}
