//! Guided search: the plain tree, then a tree below the prompt that holds the runs of its best programs.

use egcfg_guidance::{GuidanceError, Guided, Limits, Search, Session, Settings, search_guided};
use egcfg_results::{Experiment, MethodFacts, method};
use futures::future::BoxFuture;

use super::order::guiding;
use super::search::TreeSearch;
use super::{Method, MethodOutcome};

/// One guided search at the configuration's temperature, memory and outcome.
#[derive(Debug, Clone, Copy)]
pub struct GuidedSearch {
    /// How to search; a budget replaces its limit of tokens.
    pub search: Search,
    /// When and how strongly it is guided.
    pub guided: Guided,
}

impl GuidedSearch {
    /// With the knobs of an experiment; the first strength that guides is its own.
    pub fn of(experiment: &Experiment) -> Self {
        let search = TreeSearch::of(experiment, egcfg_guidance::Policy::Priority).search;
        let gamma = guiding(experiment).first().copied().unwrap_or(1.0);
        Self { search, guided: Guided { share: experiment.share(), gamma } }
    }
}

impl Method for GuidedSearch {
    fn facts(&self) -> &'static MethodFacts {
        &method::SEARCH_GUIDED
    }

    fn write<'a>(
        &'a self,
        session: Session<'a>,
        settings: &'a Settings,
        budget: Option<usize>,
    ) -> BoxFuture<'a, Result<MethodOutcome, GuidanceError>> {
        Box::pin(async move {
            let limits = Limits { tokens: budget.or(self.search.limits.tokens), ..self.search.limits };
            let search = Search { limits, ..self.search };
            let found = search_guided(session, settings, &search, &self.guided).await?;
            Ok(MethodOutcome::of(&found.solution))
        })
    }
}
