//! The listening socket, and an orderly end. Connections live on a thread of their own, apart from the work: whatever
//! computes for long, this thread accepts, reads, times out and answers `/health`.

use std::io;
use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use crate::app::App;
use crate::net::connection::{Phase, Shared, carry};
use crate::net::crowd::{Crowd, Member};
use crate::router::router;

/// Time for the last words of requests whose grace is over.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Answers requests until `end` is ready; then takes no new ones, gives those at work [`crate::Limits::grace`] to end, and
/// tells the rest that the server stops. Returns whether all of them ended by themselves.
///
/// Requests are carried out on the runtime that this is called on.
pub async fn serve(listener: TcpListener, app: App, end: impl Future<Output = ()>) -> io::Result<bool> {
    let listener = listener.into_std()?;
    let (tell, told) = watch::channel(Phase::Open);
    let (report, mut reported) = oneshot::channel();
    let (work, own) = (Handle::current(), app.clone());
    std::thread::Builder::new().name("egcfg-http".to_owned()).spawn(move || {
        // Nobody waits for the report of a server that was given up.
        let _ = report.send(listen(listener, own, work, told));
    })?;
    tokio::select! {
        ended = &mut reported => return ended.unwrap_or_else(|_| Err(lost())).map(|()| true),
        () = end => {}
    }
    let _ = tell.send(Phase::Closing);
    if let Ok(ended) = tokio::time::timeout(app.limits().grace, &mut reported).await {
        return ended.unwrap_or_else(|_| Err(lost())).map(|()| true);
    }
    app.stop();
    let _ = tokio::time::timeout(LAST_WORDS, &mut reported).await;
    let _ = tell.send(Phase::Over);
    Ok(false)
}

fn lost() -> io::Error {
    io::Error::other("the thread of the connections ended")
}

/// The connections' thread.
fn listen(listener: StdListener, app: App, work: Handle, phase: watch::Receiver<Phase>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(accept(listener, app, work, phase));
    runtime.shutdown_background();
    ended
}

async fn accept(
    listener: StdListener,
    app: App,
    work: Handle,
    mut phase: watch::Receiver<Phase>,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let limits = app.limits().clone();
    let crowd = Crowd::new(limits.connections, limits.bodies.max(2 * limits.body_bytes));
    let shared = Shared { router: router(app), work, limits };
    let mut all = JoinSet::new();
    {
        // Kept from turn to turn: dropped, it would drop a connection that waits for room.
        let coming = next(&listener, &crowd);
        tokio::pin!(coming);
        loop {
            tokio::select! {
                _ = phase.changed() => break,
                Some(_) = all.join_next() => {}
                (stream, member) = &mut coming => {
                    all.spawn(carry(stream, member, shared.clone(), phase.clone()));
                    coming.set(next(&listener, &crowd));
                }
            }
        }
    }
    drop(listener);
    while all.join_next().await.is_some() {}
    Ok(())
}

/// The next connection, and its place among the others.
async fn next(listener: &TcpListener, crowd: &Arc<Crowd>) -> (TcpStream, Member) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, crowd.enter().await),
            // The client was faster.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            // Most likely there are no descriptors left: one that waits for nothing gives way.
            Err(_) => {
                crowd.send_away(None);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}
