//! The circuit breaker: after several failures in a row a server is left alone for a while. Requests that begin in this time
//! fail at once; after it, one of them tries, and its outcome decides.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Failures in a row that open the circuit.
const OPENS_AFTER: u32 = 6;
/// How long it stays open the first time; doubled each time the attempt after it fails.
const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(60);

/// The state of one server.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    open_until: Option<Instant>,
    rest: Duration,
    /// Someone is trying.
    trying: bool,
}

impl Breaker {
    /// `Err` with the time to wait while the circuit is open.
    pub(crate) fn admit(&self) -> Result<(), Duration> {
        let mut state = self.lock();
        let Some(until) = state.open_until else { return Ok(()) };
        let left = until.saturating_duration_since(Instant::now());
        if left > Duration::ZERO {
            return Err(left);
        }
        if state.trying {
            return Err(Duration::from_millis(100));
        }
        state.trying = true;
        Ok(())
    }

    /// A request was answered.
    pub(crate) fn succeeded(&self) {
        *self.lock() = State::default();
    }

    /// A request failed in a way that says something about the server.
    pub(crate) fn failed(&self) {
        let mut state = self.lock();
        state.failures += 1;
        if state.failures >= OPENS_AFTER {
            if state.open_until.is_none() {
                state.rest = FIRST_REST;
            } else if state.trying {
                state.rest = (state.rest * 2).min(LONGEST_REST);
            }
            state.open_until = Some(Instant::now() + state.rest);
        }
        state.trying = false;
    }

    /// An attempt was given up without an outcome.
    pub(crate) fn abandoned(&self) {
        self.lock().trying = false;
    }

    /// Failures in a row.
    pub(crate) fn failures(&self) -> u32 {
        self.lock().failures
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_after_failures_in_a_row_and_lets_one_try_after_the_rest() {
        let breaker = Breaker::default();
        for _ in 0..OPENS_AFTER - 1 {
            breaker.failed();
        }
        breaker.succeeded();
        for _ in 0..OPENS_AFTER {
            assert!(breaker.admit().is_ok());
            breaker.failed();
        }
        assert!(breaker.admit().is_err_and(|left| left <= FIRST_REST));
        breaker.lock().open_until = Some(Instant::now());
        assert!(breaker.admit().is_ok(), "one may try");
        assert!(breaker.admit().is_err(), "the others wait for it");
        breaker.failed();
        assert!(breaker.admit().is_err_and(|left| left > FIRST_REST), "the rest doubles");
        breaker.lock().open_until = Some(Instant::now());
        assert!(breaker.admit().is_ok());
        breaker.succeeded();
        assert!(breaker.admit().is_ok() && breaker.admit().is_ok());
    }
}
