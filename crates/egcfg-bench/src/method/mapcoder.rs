//! MapCoder (Islam et al. 2024): recall similar problems, make a plan after each and ask how sure the model is of it; then, the
//! surest plan first, write a program and debug it along its plan, until one passes the shown tests.

use egcfg_guidance::GuidanceError;
use egcfg_results::{MethodFacts, method};
use minijinja::context;

use super::chat::Chat;
use super::dialogue::{Dialogue, Written};
use super::parse;
use super::repairs::Repairs;

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
/// The first repair without a program ends a plan: there is another one.
const UNUSABLE: u32 = 1;

impl Chat for MapCoder {
    const FACTS: &'static MethodFacts = &method::MAPCODER;

    async fn work(&self, talk: &mut Dialogue<'_>) -> Result<(), GuidanceError> {
        for (_, plan) in self.plan(talk).await? {
            self.follow(talk, &plan).await?;
            if talk.solved() {
                break;
            }
        }
        Ok(())
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
        let written = talk.program("code", &|_| context! { plan }).await?;
        let Written::Program(program) = written else { return Ok(()) };
        talk.try_out(&program).await?;
        let mut repairs = Repairs::of(program, self.repairs, UNUSABLE);
        while let Some(seen) = repairs.failing(talk).await? {
            let values = |lines| context! { plan, ..repairs.shown(task, &seen, lines) };
            let next = talk.program("debug", &values).await?;
            repairs.take(talk, next).await?;
        }
        Ok(())
    }
}
