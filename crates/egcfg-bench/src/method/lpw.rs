//! LPW (Lei et al. 2024): make a plan, follow it by hand on every shown test, and correct the plan until what comes out is what
//! is expected; write the program with the plan and its verification at hand; then repair it by comparing its runs with
//! the verification.

use egcfg_guidance::GuidanceError;
use egcfg_results::{MethodFacts, method};
use egcfg_task::{Form, Test};
use minijinja::{Value, context};

use super::chat::Chat;
use super::dialogue::{Dialogue, Written};
use super::feedback::{case, first_failing};
use super::parse;
use super::repairs::Repairs;

/// Plans, verifies, codes and refines.
#[derive(Debug, Clone, Copy)]
pub struct Lpw {
    /// Corrections of the plan at most.
    pub revisions: u32,
    /// Repairs of the program at most.
    pub repairs: u32,
}

impl Default for Lpw {
    fn default() -> Self {
        Self { revisions: 3, repairs: 5 }
    }
}

/// The first repair without a program is the last one.
const UNUSABLE: u32 = 1;

/// A plan followed by hand on one test.
struct Derivation {
    case: String,
    text: String,
    /// Its result is the expected one.
    right: bool,
}

impl Chat for Lpw {
    const FACTS: &'static MethodFacts = &method::LPW;

    async fn work(&self, talk: &mut Dialogue<'_>) -> Result<(), GuidanceError> {
        let said = talk.words("plan", &|_| context! {}).await?;
        if let Some(plan) = said.and_then(|said| parse::plan(&said)) {
            let (plan, derivations) = self.verify(talk, plan).await?;
            self.implement(talk, &plan, &derivations).await?;
        }
        Ok(())
    }
}

impl Lpw {
    /// Follows the plan on the tests and corrects it where it goes wrong. The plan at last and, per test, how it was followed.
    async fn verify(
        &self,
        talk: &mut Dialogue<'_>,
        mut plan: String,
    ) -> Result<(String, Vec<Option<Derivation>>), GuidanceError> {
        let task = talk.task();
        let mut revisions = 0;
        'plans: loop {
            let mut derivations: Vec<Option<Derivation>> = Vec::new();
            for test in &task.shown_tests {
                let parts = case(task, test);
                let case = parts.input.map_or(parts.call, |input| format!("the input\n{input}"));
                let Some(text) = talk.words("verify", &|_| context! { plan, case }).await? else {
                    return Ok((plan, derivations));
                };
                let result = match test {
                    Test::Assert(_) => parse::result(&text),
                    Test::Stdio { .. } => parse::printed(&text),
                };
                let right = match &result {
                    Some(value) => is_right(talk, test, value).await?,
                    None => false,
                };
                // Where nothing is expected that could be compared, following the plan is all there is.
                if let Some(expected) =
                    parts.expected.as_ref().filter(|_| !right && revisions < self.revisions)
                {
                    let revised = talk
                        .words("revise", &|_| context! { plan, case, derivation => text, result, expected })
                        .await?;
                    let revised = revised.and_then(|said| parse::plan(&said));
                    // Without another plan the one at hand is gone on with.
                    revisions = if revised.is_some() { revisions + 1 } else { self.revisions };
                    if let Some(other) = revised {
                        plan = other;
                        continue 'plans;
                    }
                }
                derivations.push(parse::words(&text).map(|text| Derivation { case, text, right }));
            }
            return Ok((plan, derivations));
        }
    }

    /// Writes the program and refines it.
    async fn implement(
        &self,
        talk: &mut Dialogue<'_>,
        plan: &str,
        derivations: &[Option<Derivation>],
    ) -> Result<(), GuidanceError> {
        let task = talk.task();
        // A verification that came to a wrong end would mislead.
        let right = derivations.iter().flatten().filter(|derivation| derivation.right);
        let shown: Vec<Value> =
            right.map(|derivation| context! { case => derivation.case, text => derivation.text }).collect();
        let mut written = talk.program("code", &|_| context! { plan, derivations => shown }).await?;
        if written == Written::Spent && !shown.is_empty() {
            // With all verifications it may not fit the context.
            written =
                talk.program("code", &|_| context! { plan, derivations => Vec::<Value>::new() }).await?;
        }
        let Written::Program(program) = written else { return Ok(()) };
        talk.try_out(&program).await?;
        let mut repairs = Repairs::of(program, self.repairs, UNUSABLE);
        while let Some(seen) = repairs.failing(talk).await? {
            let derivation = first_failing(&seen).and_then(|failing| derivations.get(failing)?.as_ref());
            let derivation = derivation.filter(|one| one.right).map_or("", |one| one.text.as_str());
            let values = |lines| context! { plan, derivation, ..repairs.shown(task, &seen, lines) };
            let Some(analysis) = talk.words("analyse", &values).await? else { break };
            let analysis = parse::words(&analysis);
            let values = |lines| context! { plan, analysis, ..repairs.shown(task, &seen, lines) };
            let next = talk.program("refine", &values).await?;
            repairs.take(talk, next).await?;
        }
        Ok(())
    }
}

/// Whether a value that the model worked out is what the test expects. A function that returns it is judged in the sandbox, so
/// that equality is the test's own; printed text is compared here.
async fn is_right(talk: &mut Dialogue<'_>, test: &Test, value: &str) -> Result<bool, GuidanceError> {
    let task = talk.task();
    match test {
        Test::Stdio { stdout, .. } => Ok(stdout.split_whitespace().eq(value.split_whitespace())),
        Test::Assert(_) if task.form == Form::Asserts && !task.entry_point.is_empty() => {
            let stand_in = format!("def {}(*_, **__):\n    return ({value})\n", task.entry_point);
            if egcfg_python::check(&stand_in, talk.python()).is_err() {
                return Ok(false);
            }
            talk.holds(&stand_in, test).await
        }
        Test::Assert(_) => Ok(false),
    }
}
