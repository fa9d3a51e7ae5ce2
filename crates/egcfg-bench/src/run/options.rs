//! How an agent works, and how its run ended.

use std::time::Duration;

use egcfg_guidance::Stats;
use egcfg_results::ErrorRecord;
use thiserror::Error;

use crate::store::StoreError;

/// How an agent works; none of it changes a result.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Units at the same time.
    pub jobs: usize,
    /// How long the heartbeat may stand still before others take over.
    pub lease: Duration,
    /// How often a unit may fail for reasons that are not its program's.
    pub max_attempts: u32,
    /// After so many failures in a row the agent gives up.
    pub failures_in_a_row: usize,
    /// Durability event logs.
    pub events: bool,
    /// Forget the errors of earlier starts.
    pub retry_errors: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            jobs: 1,
            lease: Duration::from_secs(60),
            max_attempts: 3,
            failures_in_a_row: 5,
            events: true,
            retry_errors: false,
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Summary {
    /// Units in all.
    pub total: usize,
    /// Units with a result.
    pub done: usize,
    /// Units that were not needed any more.
    pub dropped: usize,
    /// Units given up after infrastructure errors.
    pub failed: usize,
    /// Tasks that some unit solved.
    pub solved_tasks: usize,
    /// Results that this agent published.
    pub published: usize,
    /// Tokens that it generated for them.
    pub tokens: usize,
    /// What they cost in requests to the model's server: `requests`, `guided_requests` and `guided_lines`.
    pub cost: Stats,
    /// It was asked to stop.
    pub interrupted: bool,
    /// The error of one of the units that were given up.
    pub trouble: Option<ErrorRecord>,
}

/// Why an agent gave up.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RunError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Unit after unit failed.
    #[error("{failures} units failed one after the other, the last with: {message}")]
    Failing {
        /// How many.
        failures: usize,
        /// `model`, `sandbox` or `prompt`.
        kind: String,
        /// The last failure.
        message: String,
    },
}
