//! Searching the tree of what the model would write, by one of its policies: the first program that passes the shown tests.

use std::time::Duration;

use egcfg_guidance::{GuidanceError, Limits, Policy, Search, Session, Settings, search};
use egcfg_results::{Experiment, MethodFacts, method};
use futures::future::BoxFuture;

use super::{Method, MethodOutcome};

/// Generated tokens at most, where no budget is given.
const TOKENS: usize = 1650;

/// One search at the configuration's temperature.
#[derive(Debug, Clone, Copy)]
pub struct TreeSearch {
    /// How to search; a budget replaces its limit of tokens.
    pub search: Search,
}

impl TreeSearch {
    /// A search by this policy, within the default budget.
    pub fn by(policy: Policy) -> Self {
        let limits = Limits { tokens: Some(TOKENS), ..Limits::default() };
        Self { search: Search { policy, limits, ..Search::default() } }
    }

    /// A search by this policy with the knobs of an experiment.
    pub fn of(experiment: &Experiment, policy: Policy) -> Self {
        let Search { limits, width, choosing, bonus, dead_ends, equal_states, .. } = Self::by(policy).search;
        // Seconds are checked where settings are read; what is no time is no limit.
        let time = experiment.time_budget.and_then(|own| Duration::try_from_secs_f64(own).ok());
        let search = Search {
            limits: Limits { tokens: experiment.budget.or(limits.tokens), time, ..limits },
            width: experiment.width.unwrap_or(width),
            choosing: experiment.choose.unwrap_or(choosing),
            bonus: experiment.bonus.unwrap_or(bonus),
            dead_ends: experiment.dead_ends.unwrap_or(dead_ends),
            equal_states: experiment.equal_states.unwrap_or(equal_states),
            ..Self::by(policy).search
        };
        Self { search }
    }
}

impl Method for TreeSearch {
    fn facts(&self) -> &'static MethodFacts {
        method::searching_by(self.search.policy)
    }

    fn write<'a>(
        &'a self,
        session: Session<'a>,
        settings: &'a Settings,
        budget: Option<usize>,
    ) -> BoxFuture<'a, Result<MethodOutcome, GuidanceError>> {
        Box::pin(async move {
            let limits = self.search.limits;
            let limits = Limits { tokens: budget.or(limits.tokens), ..limits };
            let found = search(session, settings, &Search { limits, ..self.search }).await?;
            Ok(MethodOutcome::of(&found.solution))
        })
    }
}
