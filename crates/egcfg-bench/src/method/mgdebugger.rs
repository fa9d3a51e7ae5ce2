//! MGDebugger (Shi et al. 2024): cut a failing program into small functions, then from the bottom up give each function tests
//! of its own, look at how it runs on them, and repair it; put the program together again and judge it. Where the
//! publication lets the model play the interpreter, the functions run in the sandbox here, traced.

use egcfg_guidance::GuidanceError;
use egcfg_results::{MethodFacts, method};
use egcfg_task::{Form, Observation, Task, Test};
use minijinja::context;

use super::chat::Chat;
use super::dialogue::{Dialogue, Written};
use super::feedback::failures;
use super::parse;
use super::pieces::Pieces;

/// Debugs a program function by function.
#[derive(Debug, Clone, Copy)]
pub struct MgDebugger {
    /// How often a failing program is cut up and debugged as a whole.
    pub attempts: u32,
    /// Repairs per function and attempt at most.
    pub repairs: u32,
    /// Generated tests per function at most.
    pub tests: usize,
}

impl Default for MgDebugger {
    fn default() -> Self {
        Self { attempts: 3, repairs: 2, tests: 4 }
    }
}

impl Chat for MgDebugger {
    const FACTS: &'static MethodFacts = &method::MGDEBUGGER;

    async fn work(&self, talk: &mut Dialogue<'_>) -> Result<(), GuidanceError> {
        let mut program = talk.plain_answer().await?;
        for _ in 0..self.attempts {
            let Some(failing) = program.take().filter(|_| !talk.solved()) else { break };
            program = self.debug(talk, &failing).await?;
        }
        Ok(())
    }
}

/// What debugging one function came to.
enum Debugged {
    /// The function stands, as it was or repaired.
    Done,
    /// No token is left.
    Spent,
}

impl MgDebugger {
    /// One pass over a failing program; the program to go on with, `None` where there is no going on.
    async fn debug(&self, talk: &mut Dialogue<'_>, failing: &str) -> Result<Option<String>, GuidanceError> {
        let task = talk.task();
        let source = match talk.program("decompose", &|_| context! { program => failing.trim_end() }).await? {
            Written::Spent => return Ok(None),
            // A model that does not cut it up leaves a tree of what is there.
            Written::Nothing => failing.to_owned(),
            Written::Program(cut) => cut,
        };
        // Cutting it up may have repaired it.
        if talk.try_out(&source).await? {
            return Ok(None);
        }
        let mut pieces = Pieces::of(&source, talk.python());
        let names = pieces.bottom_up(&task.entry_point);
        if names.is_empty() {
            return Ok(None);
        }
        let mut spent = false;
        for name in names {
            spent = matches!(self.debug_function(talk, &mut pieces, &name).await?, Debugged::Spent);
            if spent {
                break;
            }
        }
        let program = pieces.join();
        let solved = talk.try_out(&program).await?;
        Ok((!solved && !spent).then_some(program))
    }

    async fn debug_function(
        &self,
        talk: &mut Dialogue<'_>,
        pieces: &mut Pieces,
        name: &str,
    ) -> Result<Debugged, GuidanceError> {
        let task = talk.task();
        let mut part = task.clone();
        if name != task.entry_point {
            let program = pieces.join();
            let said = talk
                .words("tests", &|_| context! { program => program.trim_end(), name, count => self.tests })
                .await?;
            let Some(said) = said else { return Ok(Debugged::Spent) };
            let tests = parse::asserts(&said, name, self.tests);
            if tests.is_empty() {
                return Ok(Debugged::Done);
            }
            part = Task {
                entry_point: name.to_owned(),
                form: Form::Asserts,
                shown_tests: tests.into_iter().map(Test::Assert).collect(),
                graded_tests: Vec::new(),
                header: String::new(),
                ..part
            };
        }
        let mut seen = talk.observe(&part, &pieces.join()).await?;
        for _ in 0..self.repairs {
            // A generated test that the sandbox cannot judge says nothing about the function.
            let judged = seen.iter().all(|seen| !seen.result.verdict.is_infrastructure());
            if passes(&seen) == seen.len() || !judged {
                break;
            }
            let program = pieces.join();
            let values = |lines| {
                context! { program => program.trim_end(), name, runs => failures(&part, &seen, lines) }
            };
            let code = match talk.code("debug", name, &values).await? {
                Written::Spent => return Ok(Debugged::Spent),
                Written::Nothing => break,
                Written::Program(code) => code,
            };
            let mut repaired = pieces.clone();
            if !repaired.replace(name, &code, talk.python()) || repaired == *pieces {
                break;
            }
            let again = talk.observe(&part, &repaired.join()).await?;
            // The model wrote the tests too, so that one more of them is a reason and a lost one a warning.
            if passes(&again) >= passes(&seen) {
                *pieces = repaired;
                seen = again;
            }
        }
        Ok(Debugged::Done)
    }
}

fn passes(seen: &[Observation]) -> usize {
    seen.iter().filter(|seen| seen.result.verdict.passed()).count()
}
