//! Ctrl-C: the work is dropped, which ends its children; nothing is left half written, since every line of a log and every
//! file is written whole.

use crate::exit::Failure;

/// Runs to the end or to Ctrl-C (or a request to terminate), whichever comes first.
pub(crate) async fn or_interrupt<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        result = work => result,
        () = interrupt() => Err(Failure::interrupted()),
    }
}

/// Waits for Ctrl-C or a request to terminate.
pub(crate) async fn interrupt() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let (Ok(mut int), Ok(mut term)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        {
            tokio::select! {
                _ = int.recv() => {}
                _ = term.recv() => {}
            }
            return;
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
