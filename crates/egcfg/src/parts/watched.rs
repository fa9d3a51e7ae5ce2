//! Long work beside the program's own. That of files (conversion, download) tells how far it is and ends when it is asked to; what
//! cannot be asked to is left behind.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use egcfg_hub::{CheckpointError, Problem, Progress};

use crate::exit::Failure;
use crate::output::meter::{Meter, Steps};
use crate::signals::interrupt;

/// Runs the work on a thread of its own, telling how far it is, until it is done or Ctrl-C asks it to stop. This waits for
/// the end of it in both cases: the work takes its temporary file with it.
pub(crate) fn beside_the_work<T: Send + 'static>(
    work: impl FnOnce(egcfg_hub::Watch<'_>) -> T + Send + 'static,
) -> Result<T, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    let meter = Meter::new("bytes", Steps::Bytes, 0);
    let thread = tokio::task::spawn_blocking(move || {
        work(&mut |progress: Progress| {
            meter.at(progress.done, progress.total);
            meter.say(&progress.what);
            if asked.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    });
    let ended = async move {
        let mut thread = thread;
        tokio::select! {
            joined = &mut thread => joined,
            () = interrupt() => {
                stop.store(true, Ordering::Relaxed);
                thread.await
            }
        }
    };
    let joined = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(ended));
    joined.map_err(|error| Failure::model(format!("failed to go on: {error}")))
}

/// Runs what cannot be asked to stop, such as waiting for a server, on a thread of its own, until it is done or Ctrl-C comes; then the
/// thread is left behind.
pub(crate) fn or_left_behind<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let thread = tokio::task::spawn_blocking(work);
    let ended = async move {
        tokio::select! {
            joined = thread => joined.map_err(|error| Failure::model(format!("failed to go on: {error}"))),
            () = interrupt() => Err(Failure::interrupted()),
        }
    };
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(ended))
}

/// Why a checkpoint could not be converted, with what to do where there is something.
pub(crate) fn checkpoint_failure(folder: &Path, error: &CheckpointError) -> Failure {
    if matches!(error.problem, Problem::Interrupted) {
        return Failure::interrupted();
    }
    let failure = Failure::input(format!("failed to convert {}: {error}", folder.display()));
    match &error.problem {
        Problem::Field { field, .. } if field == "architectures" || field.ends_with("pre_tokenizer") => {
            failure.hint("take a GGUF file of this model, or serve it: --model http://host:port/v1#name")
        }
        _ => failure,
    }
}
