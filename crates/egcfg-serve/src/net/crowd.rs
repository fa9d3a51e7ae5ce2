//! The open connections, and which of them goes when another wants in. A connection *waits* from its beginning, or from
//! its last answer, until its next request is there as a whole; bytes that trickle in do not make it younger. The one that
//! has waited longest goes first. One whose request is at work stays.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Bytes of bodies are counted in pieces of this size.
const PIECE: usize = 1024;

/// All connections of a server.
#[derive(Debug)]
pub(crate) struct Crowd {
    most: usize,
    seats: Mutex<HashMap<u64, Arc<Seat>>>,
    next: AtomicU64,
    /// Somebody left, or began to wait.
    changed: Notify,
    /// Room for bodies that are being read.
    bodies: Arc<Semaphore>,
}

#[derive(Debug)]
struct Seat {
    /// Since when it waits; nothing while its request is at work.
    waits: Mutex<Option<Instant>>,
    leave: Notify,
}

impl Crowd {
    /// Room for so many connections, and for so many bytes of bodies on their way.
    pub(crate) fn new(most: usize, body_bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            most: most.max(1),
            seats: Mutex::default(),
            next: AtomicU64::new(0),
            changed: Notify::new(),
            bodies: Arc::new(Semaphore::new(body_bytes.div_ceil(PIECE).min(Semaphore::MAX_PERMITS))),
        })
    }

    /// Lets a connection in, after the longest waiting one was sent away where there is no room.
    pub(crate) async fn enter(self: &Arc<Self>) -> Member {
        loop {
            let changed = self.changed.notified();
            {
                let mut seats = lock(&self.seats);
                if seats.len() < self.most {
                    let id = self.next.fetch_add(1, Ordering::Relaxed);
                    let seat =
                        Arc::new(Seat { waits: Mutex::new(Some(Instant::now())), leave: Notify::new() });
                    seats.insert(id, Arc::clone(&seat));
                    return Member(Arc::new(Place { crowd: Arc::clone(self), id, seat }));
                }
            }
            self.send_away(None);
            changed.await;
        }
    }

    /// Tells the longest waiting connection, another than `but`, to go.
    pub(crate) fn send_away(&self, but: Option<u64>) {
        let seats = lock(&self.seats);
        let waiting = seats.iter().filter(|(id, _)| Some(**id) != but);
        let waiting = waiting.filter_map(|(_, seat)| Some(((*lock(&seat.waits))?, seat)));
        if let Some((_, seat)) = waiting.min_by_key(|(since, _)| *since) {
            // Told once: the next one is somebody else's turn.
            *lock(&seat.waits) = None;
            seat.leave.notify_one();
        }
    }
}

/// One connection's handle on the crowd; the connection is out when the last one is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Member(Arc<Place>);

#[derive(Debug)]
struct Place {
    crowd: Arc<Crowd>,
    id: u64,
    seat: Arc<Seat>,
}

impl Member {
    /// Ends when this connection has to go.
    pub(crate) async fn sent_away(&self) {
        self.0.seat.leave.notified().await;
    }

    /// Its request is there as a whole.
    pub(crate) fn at_work(&self) {
        *lock(&self.0.seat.waits) = None;
    }

    /// Its answer is given; it waits for the next request.
    pub(crate) fn waits(&self) {
        *lock(&self.0.seat.waits) = Some(Instant::now());
        self.0.crowd.changed.notify_one();
    }

    /// Room for some more bytes of a body. Where there is none, the longest waiting connection goes, and with it what it has
    /// sent so far.
    pub(crate) async fn room(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let pieces = u32::try_from(bytes.div_ceil(PIECE)).unwrap_or(u32::MAX);
        let bodies = &self.0.crowd.bodies;
        if let Ok(permit) = Arc::clone(bodies).try_acquire_many_owned(pieces) {
            return Some(permit);
        }
        self.0.crowd.send_away(Some(self.0.id));
        Arc::clone(bodies).acquire_many_owned(pieces).await.ok()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.crowd.seats).remove(&self.id);
        self.crowd.changed.notify_one();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn the_longest_waiting_goes_and_workers_stay() {
        let crowd = Crowd::new(3, 1 << 20);
        let enter = || crowd.enter().now_or_never();
        let (first, second, third) = (enter().unwrap(), enter().unwrap(), enter().unwrap());
        first.at_work();
        assert!(enter().is_none(), "there is no room yet");
        assert!(first.sent_away().now_or_never().is_none());
        assert!(third.sent_away().now_or_never().is_none());
        assert!(second.sent_away().now_or_never().is_some(), "it has waited longest");
        drop(second);
        let fourth = enter().unwrap();
        // An answer makes a connection the youngest of those who wait.
        third.at_work();
        third.waits();
        assert!(enter().is_none());
        assert!(fourth.sent_away().now_or_never().is_some());
    }

    #[test]
    fn bodies_share_their_room() {
        let crowd = Crowd::new(3, 4 * PIECE);
        let (one, two) = (crowd.enter().now_or_never().unwrap(), crowd.enter().now_or_never().unwrap());
        let held = one.room(3 * PIECE).now_or_never().flatten().unwrap();
        assert!(two.room(2 * PIECE).now_or_never().is_none());
        assert!(one.sent_away().now_or_never().is_some(), "who holds the room and sends nothing goes");
        drop(held);
        assert!(two.room(2 * PIECE).now_or_never().flatten().is_some());
    }
}
