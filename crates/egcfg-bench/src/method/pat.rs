//! Plan after failed tests (PaT, arXiv 2605.07248): write the program at once, and spend words on a plan only where the shown tests
//! refuse it. The plan is made with the failing runs in view, and the next program is written from the plan.

use egcfg_guidance::GuidanceError;
use egcfg_results::{MethodFacts, method};
use minijinja::context;

use super::chat::Chat;
use super::dialogue::{Dialogue, Written};
use super::parse::plan;
use super::repairs::Repairs;

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

impl Chat for PlanAfterTrial {
    const FACTS: &'static MethodFacts = &method::PAT;

    async fn work(&self, talk: &mut Dialogue<'_>) -> Result<(), GuidanceError> {
        let Some(program) = talk.plain_answer().await? else { return Ok(()) };
        let (task, mut repairs) = (talk.task(), Repairs::of(program, self.rounds, UNUSABLE));
        while let Some(seen) = repairs.failing(talk).await? {
            let Some(said) = talk.words("plan", &|lines| repairs.shown(task, &seen, lines)).await? else {
                break;
            };
            let next = match plan(&said) {
                Some(plan) => talk.program("code", &|_| context! { plan }).await?,
                None => Written::Nothing,
            };
            repairs.take(talk, next).await?;
        }
        Ok(())
    }
}
