//! What an agent reports while it runs.

use crate::run::plan::Unit;

/// One event of an agent's run.
#[derive(Debug, Clone, PartialEq)]
pub enum RunEvent<'a> {
    /// What stands in the store was looked through.
    Surveyed {
        /// Units that have a result.
        done: usize,
        /// Units of solved tasks, which are not run (`--until-solved`).
        dropped: usize,
        /// Units given up after infrastructure errors.
        failed: usize,
        /// Units in all.
        total: usize,
    },
    /// A result that cannot be read was given another name; its unit is run again.
    SetAside {
        /// The file, or what was there in its place.
        place: &'a str,
        /// What is wrong with it.
        reason: &'a str,
    },
    /// A unit is being worked on.
    Began {
        unit: &'a Unit,
        /// Above 1: it was another's, or given back, before.
        epoch: u32,
    },
    /// A unit's result was published.
    Published {
        unit: &'a Unit,
        /// It passes its graded tests.
        passed: bool,
        /// It passes its shown tests.
        shown_passed: bool,
        /// Generated tokens.
        tokens: usize,
        /// Wall seconds.
        seconds: f64,
    },
    /// The work on a unit was in vain: it was taken over while this agent stood still.
    Lost { unit: &'a Unit },
    /// The work on a unit was dropped because its task was solved elsewhere.
    Dropped { unit: &'a Unit },
    /// A unit could not be carried out; it is retried later, unless this was the last time.
    Failed {
        unit: &'a Unit,
        /// How often it failed.
        attempt: u32,
        message: &'a str,
        /// It is given up.
        last: bool,
    },
    /// Everything that is left is held by others.
    Waiting {
        /// Units that others hold.
        held: usize,
    },
}

/// Receives an agent's events.
pub trait RunSink: Send + Sync {
    /// Takes one event.
    fn emit(&self, event: &RunEvent<'_>);
}

impl<F: Fn(&RunEvent<'_>) + Send + Sync> RunSink for F {
    fn emit(&self, event: &RunEvent<'_>) {
        self(event);
    }
}
