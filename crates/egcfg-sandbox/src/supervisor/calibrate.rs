//! How fast this machine is, so that a limit in seconds means the same work everywhere. A fixed piece of Python runs in a
//! throw-away child when the first sandbox starts; how much longer it takes than on the machine that the limits were
//! chosen on is the factor by which they grow. They never shrink: a fast machine is no reason to judge more strictly.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::limits::Limits;

/// Seconds that the reference run takes on the reference machine: a server processor of 2023 at rest, CPython 3.9 (the
/// slowest of those that are supported). Measured as `benches/sandbox.rs` prints it.
pub(crate) const REFERENCE: f64 = 0.0300;

/// A stall of the machine during the reference run must not make limits void.
const LARGEST: f64 = 20.0;

/// Factors found in this process, by interpreter: one reference run is enough.
static FOUND: Mutex<Option<HashMap<PathBuf, f64>>> = Mutex::new(None);

/// The factor found before for this interpreter.
pub(crate) fn known(python: &Path) -> Option<f64> {
    FOUND.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.get(python).copied()
}

/// The factor for a reference run that took this many seconds; remembered for the interpreter.
pub(crate) fn remember(python: &Path, seconds: f64) -> f64 {
    let factor = factor(seconds);
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    *found.get_or_insert_default().entry(python.to_owned()).or_insert(factor)
}

fn factor(seconds: f64) -> f64 {
    let factor = (seconds / REFERENCE * 100.0).round() / 100.0;
    // Also what is no number.
    if factor > 1.0 { factor.min(LARGEST) } else { 1.0 }
}

/// The limits with all times grown by `factor`.
pub(crate) fn scaled(limits: &Limits, factor: f64) -> Limits {
    let grown = |time: Duration| Duration::try_from_secs_f64(time.as_secs_f64() * factor).unwrap_or(time);
    Limits { wall: grown(limits.wall), cpu: grown(limits.cpu), idle: grown(limits.idle), ..limits.clone() }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;

    #[test]
    fn a_slow_machine_gives_more_time_and_a_fast_one_not_less() {
        assert_eq!(factor(REFERENCE / 4.0), 1.0);
        assert_eq!(factor(REFERENCE * 2.5), 2.5);
        assert_eq!(factor(1e9), LARGEST);
        assert_eq!(factor(f64::NAN), 1.0);
        let limits = Limits { wall: Duration::MAX, ..Limits::default() };
        let grown = scaled(&limits, 2.0);
        assert_eq!(grown.cpu, limits.cpu * 2);
        assert_eq!(grown.idle, limits.idle * 2);
        assert_eq!(grown.wall, Duration::MAX, "what cannot grow stays");
        assert_eq!(grown.memory, limits.memory);
    }

    #[test]
    fn one_reference_run_per_interpreter_counts() {
        let path = Path::new("/nowhere/python-calibrated-once");
        assert_eq!(known(path), None);
        assert_eq!(remember(path, REFERENCE * 3.0), 3.0);
        assert_eq!(remember(path, REFERENCE * 9.0), 3.0);
        assert_eq!(known(path), Some(3.0));
    }
}
