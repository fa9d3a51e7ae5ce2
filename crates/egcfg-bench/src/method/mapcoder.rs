//! MapCoder (Islam et al. 2024): recall similar problems, make a plan after each and ask how sure the model is of it; then, the
//! surest plan first, write a program and debug it along its plan, until one passes the shown tests.

use egcfg_guidance::{GuidanceError, Session, Settings};
use egcfg_results::{MethodFacts, method};
use futures::future::BoxFuture;
use minijinja::context;

use super::chat::Dialogue;
use super::feedback::{failures, first_failing};
use super::{Method, MethodOutcome, parse};

/// Recalls, plans, codes and debugs.
#[derive(Debug, Clone, Copy)]
pub struct MapCoder {
    /// Similar problems to recall, and so plans.
    pub plans: usize,
    /// Repairs per plan at most.
    pub repairs: u32,
}

impl Default for MapCoder {
    fn default() -> Self {
        Self { plans: 3, repairs: 5 }
    }
}

/// A plan whose confidence nobody can read is tried after those that are more likely right than wrong.
const UNKNOWN: u8 = 50;

impl Method for MapCoder {
    fn facts(&self) -> &'static MethodFacts {
        &method::MAPCODER
    }

    fn write<'a>(
        &'a self,
        session: Session<'a>,
        settings: &'a Settings,
        budget: Option<usize>,
    ) -> BoxFuture<'a, Result<MethodOutcome, GuidanceError>> {
        Box::pin(async move {
            let mut talk = Dialogue::new(self.name(), session, settings, budget)?;
            for (_, plan) in self.plan(&mut talk).await? {
                self.follow(&mut talk, &plan).await?;
                if talk.solved() {
                    break;
                }
            }
            talk.finish().await
        })
    }
}

impl MapCoder {
    /// Plans with their confidence, the surest first; of equally sure ones the earlier.
    async fn plan(&self, talk: &mut Dialogue<'_>) -> Result<Vec<(u8, String)>, GuidanceError> {
        let count = self.plans.max(1);
        let recalled = talk.words("recall", &|_| context! { count }).await?;
        let examples = recalled.map_or_else(Vec::new, |text| parse::sections(&text, "problem", count));
        let mut plans: Vec<(u8, String)> = Vec::new();
        for example in examples {
            let Some(said) = talk.words("plan", &|_| context! { example }).await? else { break };
            let Some(plan) = parse::plan(&said) else { continue };
            if plans.iter().any(|(_, known)| *known == plan) {
                continue;
            }
            let sure = talk.words("confidence", &|_| context! { plan }).await?;
            // A plan without a confidence is still a plan, also when the budget ended here.
            let sure = sure.and_then(|said| parse::confidence(&said)).unwrap_or(UNKNOWN);
            plans.push((sure, plan));
        }
        plans.sort_by_key(|(sure, _)| std::cmp::Reverse(*sure));
        Ok(plans)
    }

    /// Writes a program by a plan and debugs it.
    async fn follow(&self, talk: &mut Dialogue<'_>, plan: &str) -> Result<(), GuidanceError> {
        let task = talk.task();
        let Some(Some(mut program)) = talk.program("code", &|_| context! { plan }).await? else {
            return Ok(());
        };
        for _ in 0..self.repairs {
            if talk.try_out(&program).await? {
                return Ok(());
            }
            let seen = talk.observe(task, &program).await?;
            if first_failing(&seen).is_none() {
                return Ok(());
            }
            let values = |lines| {
                context! { plan, program => program.trim_end(), runs => failures(task, &seen, lines) }
            };
            match talk.program("debug", &values).await? {
                Some(Some(next)) => program = next,
                _ => return Ok(()),
            }
        }
        talk.try_out(&program).await?;
        Ok(())
    }
}
