//! Plain greedy decoding: what the model writes by itself.

use egcfg_guidance::{GuidanceError, Session, Settings, generate, judge};
use egcfg_results::{MethodFacts, method};
use futures::future::BoxFuture;

use super::{Method, MethodOutcome};

/// One greedy answer; gamma plays no part.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plain;

impl Method for Plain {
    fn facts(&self) -> &'static MethodFacts {
        &method::PLAIN
    }

    fn write<'a>(
        &'a self,
        session: Session<'a>,
        settings: &'a Settings,
        _budget: Option<usize>,
    ) -> BoxFuture<'a, Result<MethodOutcome, GuidanceError>> {
        Box::pin(async move {
            let settings = Settings { gamma: 0.0, ..settings.clone() };
            let generation = generate(session, &settings).await?;
            let attempt = judge(session, 0.0, settings.retry, generation).await?;
            Ok(MethodOutcome::generated(attempt, None))
        })
    }
}
