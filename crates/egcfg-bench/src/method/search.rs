//! Searching the tree of what the model would write, by one of its policies: the first program that passes the shown tests.

use egcfg_guidance::{GuidanceError, Limits, Policy, Search, Session, Settings, search};
use egcfg_results::{MethodFacts, method};
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
}

impl Method for TreeSearch {
    fn facts(&self) -> &'static MethodFacts {
        match self.search.policy {
            Policy::Priority => &method::SEARCH,
            Policy::Unique => &method::SEARCH_UNIQUE,
            Policy::Independent => &method::SEARCH_INDEPENDENT,
            Policy::Beam | Policy::NormalisedBeam => &method::SEARCH_BEAM,
        }
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
            let (stats, programs) = (found.solution.stats(), found.solution.attempts.len());
            let best = found.solution.best().cloned();
            Ok(best.map_or_else(MethodOutcome::default, |best| MethodOutcome {
                program: best.generation.program,
                shown: best.results,
                stats,
                programs,
                stop: Some(best.generation.stop),
                began: None,
            }))
        })
    }
}
