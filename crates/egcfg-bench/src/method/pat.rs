//! Plan after failed tests (PaT, arXiv 2605.07248): write the program at once, and spend words on a plan only where the shown tests
//! refuse it. The plan is made with the failing runs in view, and the next program is written from the plan.

use egcfg_guidance::{GuidanceError, Session, Settings};
use egcfg_results::{MethodFacts, method};
use futures::future::BoxFuture;
use minijinja::context;

use super::chat::Dialogue;
use super::feedback::{failures, first_failing};
use super::parse::plan;
use super::{Method, MethodOutcome};

/// Plans only after a trial that failed.
#[derive(Debug, Clone, Copy)]
pub struct PlanAfterTrial {
    /// Plans at most.
    pub rounds: u32,
}

impl Default for PlanAfterTrial {
    fn default() -> Self {
        Self { rounds: 5 }
    }
}

/// After so many plans in a row without a program the model is taken not to follow the form.
const UNUSABLE: u32 = 2;

impl Method for PlanAfterTrial {
    fn facts(&self) -> &'static MethodFacts {
        &method::PAT
    }

    fn write<'a>(
        &'a self,
        session: Session<'a>,
        settings: &'a Settings,
        budget: Option<usize>,
    ) -> BoxFuture<'a, Result<MethodOutcome, GuidanceError>> {
        Box::pin(async move {
            let mut talk = Dialogue::new(self.name(), session, settings, budget)?;
            if let Some(program) = talk.plain_answer().await? {
                self.plan_and_write(&mut talk, program).await?;
            }
            talk.finish().await
        })
    }
}

impl PlanAfterTrial {
    async fn plan_and_write(
        &self,
        talk: &mut Dialogue<'_>,
        mut program: String,
    ) -> Result<(), GuidanceError> {
        let task = talk.task();
        let mut unusable = 0;
        for _ in 0..self.rounds {
            if talk.solved() || unusable == UNUSABLE {
                break;
            }
            let seen = talk.observe(task, &program).await?;
            if first_failing(&seen).is_none() {
                break;
            }
            let values =
                |lines| context! { program => program.trim_end(), runs => failures(task, &seen, lines) };
            let Some(said) = talk.words("plan", &values).await? else { break };
            let Some(plan) = plan(&said) else {
                unusable += 1;
                continue;
            };
            let values = |_| context! { plan => plan };
            match talk.program("code", &values).await? {
                None => break,
                Some(None) => unusable += 1,
                Some(Some(next)) => {
                    unusable = 0;
                    talk.try_out(&next).await?;
                    program = next;
                }
            }
        }
        Ok(())
    }
}
