//! Best-of-N: whole plain samples, the first that passes the shown tests.

use egcfg_guidance::{Budget, GuidanceError, Session, Settings, best_of_batched};
use egcfg_results::{MethodFacts, method};
use futures::future::BoxFuture;

use super::{Method, MethodOutcome};

/// Draws samples at the configuration's temperature until one passes, a token budget is spent, or, without a budget, this many
/// were drawn.
#[derive(Debug, Clone, Copy)]
pub struct BestOf {
    /// Samples at most, where there is no budget.
    pub samples: usize,
    /// Samples drawn in one batch.
    pub width: usize,
}

impl Default for BestOf {
    fn default() -> Self {
        Self { samples: 10, width: 4 }
    }
}

impl Method for BestOf {
    fn facts(&self) -> &'static MethodFacts {
        &method::BEST_OF
    }

    fn write<'a>(
        &'a self,
        session: Session<'a>,
        settings: &'a Settings,
        budget: Option<usize>,
    ) -> BoxFuture<'a, Result<MethodOutcome, GuidanceError>> {
        Box::pin(async move {
            let budget = budget.map_or(Budget::Samples(self.samples.max(1)), Budget::Tokens);
            let drawn = best_of_batched(session, settings, budget, self.width).await?;
            Ok(MethodOutcome::of(&drawn))
        })
    }
}
