//! Execution-guided decoding as a method: one generation at one gamma.

use egcfg_guidance::{GuidanceError, Session, Settings, generate, judge};
use egcfg_results::{MethodFacts, method};
use futures::future::BoxFuture;

use super::{Method, MethodOutcome};

/// One guided generation under the settings' configuration and gamma.
#[derive(Debug, Clone, Copy, Default)]
pub struct EgCfg;

impl Method for EgCfg {
    fn facts(&self) -> &'static MethodFacts {
        &method::EG_CFG
    }

    fn write<'a>(
        &'a self,
        session: Session<'a>,
        settings: &'a Settings,
        _budget: Option<usize>,
    ) -> BoxFuture<'a, Result<MethodOutcome, GuidanceError>> {
        Box::pin(async move {
            let generation = generate(session, settings).await?;
            let attempt = judge(session, settings.gamma, settings.retry, generation).await?;
            let began = attempt.generation.began;
            Ok(MethodOutcome::generated(attempt, Some(began)))
        })
    }
}
