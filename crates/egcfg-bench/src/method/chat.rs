//! Methods that are conversations: what they have in common as a [`Method`].

use egcfg_guidance::{GuidanceError, Session, Settings};
use egcfg_results::MethodFacts;
use futures::future::BoxFuture;

use super::dialogue::Dialogue;
use super::{Method, MethodOutcome};

/// A method that is a conversation: it asks, tries out what is answered, and its best program by the shown tests is the outcome.
pub(super) trait Chat: Send + Sync {
    /// What must be known of the method, its name first.
    const FACTS: &'static MethodFacts;

    /// The method's own part: whatever it tries out on the way counts.
    fn work(&self, talk: &mut Dialogue<'_>) -> impl Future<Output = Result<(), GuidanceError>> + Send;
}

impl<M: Chat> Method for M {
    fn facts(&self) -> &'static MethodFacts {
        M::FACTS
    }

    fn write<'a>(
        &'a self,
        session: Session<'a>,
        settings: &'a Settings,
        budget: Option<usize>,
    ) -> BoxFuture<'a, Result<MethodOutcome, GuidanceError>> {
        Box::pin(async move {
            let mut talk = Dialogue::new(M::FACTS.name, session, settings, budget)?;
            self.work(&mut talk).await?;
            talk.finish().await
        })
    }
}
