//! The order in which `solve` tries things, within one budget: the tree first, then guided decoding with the runs of its best
//! programs in the block, with other draws until the budget is spent.

use egcfg_guidance::{GuidanceError, Limits, Open, Order, Search, Session, Settings, solve_in_order};
use egcfg_results::{Experiment, MethodFacts, method};
use futures::future::BoxFuture;

use super::search::TreeSearch;
use super::{Method, MethodOutcome};

/// Rounds of guided decoding at most: enough for any budget to be spent.
const ROUNDS: u32 = 64;

/// The tree, then EG-CFG.
#[derive(Debug, Clone)]
pub struct InOrder {
    /// How to search; a budget replaces its limit of tokens.
    pub search: Search,
    /// Share of the budget for the tree.
    pub share: f64,
    /// Strengths that are tried after it.
    pub gammas: Vec<f64>,
}

impl InOrder {
    /// With the knobs of an experiment.
    pub fn of(experiment: &Experiment) -> Self {
        let search = TreeSearch::of(experiment, egcfg_guidance::Policy::Priority).search;
        Self { search, share: experiment.share(), gammas: guiding(experiment) }
    }
}

/// The experiment's strengths that guide; 1 where there is none.
pub(super) fn guiding(experiment: &Experiment) -> Vec<f64> {
    let own: Vec<f64> = experiment.gammas.iter().copied().filter(|gamma| *gamma != 0.0).collect();
    if own.is_empty() { vec![1.0] } else { own }
}

impl Method for InOrder {
    fn facts(&self) -> &'static MethodFacts {
        &method::ORDER
    }

    fn write<'a>(
        &'a self,
        session: Session<'a>,
        settings: &'a Settings,
        budget: Option<usize>,
    ) -> BoxFuture<'a, Result<MethodOutcome, GuidanceError>> {
        Box::pin(async move {
            let limits = self.search.limits;
            let total = budget.or(limits.tokens);
            let first = total.map(|total| ((total as f64 * self.share).round() as usize).max(1));
            let search = Search { limits: Limits { tokens: first, ..limits }, ..self.search };
            let order = Order {
                search: Some(search),
                gammas: self.gammas.clone(),
                retries: if total.is_some() { ROUNDS } else { 0 },
                open: Open::Never,
            };
            let settings = Settings { budget: total, ..settings.clone() };
            Ok(MethodOutcome::of(&solve_in_order(session, &settings, &order).await?))
        })
    }
}
