//! How many requests are let in. A request takes a place once its body is there, so that nobody holds one by sending
//! nothing, or is answered with 429; it takes a slot before work is done for it. Both are given back when it is dropped,
//! however it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::ApiError;

/// The server's places and slots.
#[derive(Debug)]
pub(crate) struct Admission {
    places: Arc<Semaphore>,
    slots: Arc<Semaphore>,
    in_flight: usize,
    all: usize,
    /// Moving average of the time that a request keeps a slot, in milliseconds.
    mean: AtomicU64,
}

/// A place in the queue.
#[derive(Debug)]
pub(crate) struct Place(#[expect(dead_code, reason = "held")] OwnedSemaphorePermit);

/// The right to work.
#[derive(Debug)]
pub(crate) struct Slot {
    admission: Arc<Admission>,
    since: Instant,
    _permit: OwnedSemaphorePermit,
    _place: Place,
}

impl Admission {
    /// So many at work and so many that wait.
    pub(crate) fn new(in_flight: usize, queue: usize) -> Self {
        let in_flight = in_flight.max(1);
        let all = in_flight + queue;
        Self {
            places: Arc::new(Semaphore::new(all)),
            slots: Arc::new(Semaphore::new(in_flight)),
            in_flight,
            all,
            mean: AtomicU64::new(1000),
        }
    }

    /// Takes a place at once, or refuses.
    pub(crate) fn enter(&self) -> Result<Place, ApiError> {
        match Arc::clone(&self.places).try_acquire_owned() {
            Ok(permit) => Ok(Place(permit)),
            Err(_) => Err(ApiError::overloaded(self.retry_after())),
        }
    }

    /// Waits for a slot.
    pub(crate) async fn work(self: &Arc<Self>, place: Place) -> Result<Slot, ApiError> {
        match Arc::clone(&self.slots).acquire_owned().await {
            Ok(permit) => Ok(Slot {
                admission: Arc::clone(self),
                since: Instant::now(),
                _permit: permit,
                _place: place,
            }),
            Err(_) => Err(ApiError::overloaded(1)),
        }
    }

    /// Requests at work.
    pub(crate) fn working(&self) -> usize {
        self.in_flight - self.slots.available_permits()
    }

    /// Requests that hold a place, at work or not.
    pub(crate) fn present(&self) -> usize {
        self.all - self.places.available_permits()
    }

    /// Seconds until the queue is likely to have moved on by a quarter.
    fn retry_after(&self) -> u64 {
        let ahead = (self.all / 4).max(1) as u64;
        let milliseconds = self.mean.load(Ordering::Relaxed) * ahead / self.in_flight as u64;
        milliseconds.div_ceil(1000).clamp(1, 60)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let took = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX).min(600_000);
        let mean = self.admission.mean.load(Ordering::Relaxed);
        self.admission.mean.store((mean * 7 + took) / 8, Ordering::Relaxed);
    }
}
