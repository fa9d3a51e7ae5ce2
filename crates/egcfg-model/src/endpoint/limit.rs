//! How many requests may be in flight at a host: additive increase, multiplicative decrease (Chiu and Jain 1989). Every
//! success raises the limit a little, every sign of overload halves it, once per generation of requests. All models on one
//! host share its limit.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use tokio::sync::Notify;

static HOSTS: LazyLock<Mutex<HashMap<String, Weak<Limit>>>> = LazyLock::new(Mutex::default);

/// The limit of one host.
#[derive(Debug)]
pub(crate) struct Limit {
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    allowed: f64,
    most: f64,
    in_flight: usize,
    /// Overload reported by requests that began before this says nothing about the limit as it is now.
    halved_at: Option<Instant>,
}

/// A place among the requests in flight; given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    limit: Arc<Limit>,
    began: Instant,
}

impl Limit {
    /// The limit of a host, shared by all who talk to it. The largest maximum asked for counts.
    pub(crate) fn of_host(host: &str, most: usize) -> Arc<Self> {
        let mut hosts = HOSTS.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.retain(|_, limit| limit.strong_count() > 0);
        if let Some(limit) = hosts.get(host).and_then(Weak::upgrade) {
            let mut state = limit.lock();
            state.most = state.most.max(most as f64);
            drop(state);
            return limit;
        }
        let limit = Arc::new(Self::new(most));
        hosts.insert(host.to_owned(), Arc::downgrade(&limit));
        limit
    }

    fn new(most: usize) -> Self {
        let most = most.max(1) as f64;
        let state = State { allowed: most, most, in_flight: 0, halved_at: None };
        Self { state: Mutex::new(state), freed: Notify::new() }
    }

    /// Waits for a place.
    pub(crate) async fn acquire(self: &Arc<Self>) -> Permit {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            // Registered before the look at the state, so that a place freed in between is not missed.
            freed.as_mut().enable();
            {
                let mut state = self.lock();
                if (state.in_flight as f64) < state.allowed.floor().max(1.0) {
                    state.in_flight += 1;
                    return Permit { limit: Arc::clone(self), began: Instant::now() };
                }
            }
            freed.await;
        }
    }

    /// Requests allowed at the moment.
    pub(crate) fn allowed(&self) -> usize {
        self.lock().allowed.floor().max(1.0) as usize
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// The request went well.
    pub(crate) fn succeeded(self) {
        let mut state = self.limit.lock();
        state.allowed = (state.allowed + 1.0 / state.allowed).min(state.most);
    }

    /// The host said, or its silence suggests, that it has too much to do.
    pub(crate) fn overloaded(self) {
        let mut state = self.limit.lock();
        if state.halved_at.is_none_or(|at| self.began > at) {
            state.allowed = (state.allowed / 2.0).max(1.0);
            state.halved_at = Some(Instant::now());
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.limit.lock().in_flight -= 1;
        self.limit.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn overload_halves_once_per_generation_and_success_recovers() {
        let limit = Arc::new(Limit::new(8));
        let mut permits = Vec::new();
        for _ in 0..8 {
            permits.push(limit.acquire().await);
        }
        for permit in permits {
            permit.overloaded();
        }
        assert_eq!(limit.allowed(), 4);
        std::thread::sleep(std::time::Duration::from_millis(2));
        limit.acquire().await.overloaded();
        assert_eq!(limit.allowed(), 2);
        for _ in 0..60 {
            limit.acquire().await.succeeded();
        }
        assert_eq!(limit.allowed(), 8);
    }

    #[tokio::test]
    async fn no_more_than_allowed_are_in_flight() {
        let limit = Arc::new(Limit::new(2));
        let (a, _b) = (limit.acquire().await, limit.acquire().await);
        let waiting = tokio::time::timeout(std::time::Duration::from_millis(20), limit.acquire());
        assert!(waiting.await.is_err());
        drop(a);
        let freed = tokio::time::timeout(std::time::Duration::from_secs(5), limit.acquire());
        assert!(freed.await.is_ok());
    }
}
