//! Self-Debugging (Chen et al. 2023): write a program, run it on the shown tests, let the model explain a failing run, and
//! let it repair the program with that explanation before it, round after round.

use egcfg_guidance::{GuidanceError, Session, Settings};
use egcfg_results::{MethodFacts, method};
use futures::future::BoxFuture;
use minijinja::context;

use super::chat::Dialogue;
use super::feedback::{failures, first_failing};
use super::parse::words;
use super::{Method, MethodOutcome};

/// What the model is told about a program that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Feedback {
    /// The failing runs with a trace of the first, and the model's own explanation of it.
    #[default]
    Explained,
    /// The failing runs alone, without a trace.
    Simple,
}

/// Repairs a program by explaining how it fails.
#[derive(Debug, Clone, Copy)]
pub struct SelfDebugging {
    /// Repairs at most.
    pub rounds: u32,
    /// What is shown.
    pub feedback: Feedback,
}

impl Default for SelfDebugging {
    fn default() -> Self {
        Self { rounds: 5, feedback: Feedback::Explained }
    }
}

/// After so many answers in a row without a program the model is taken not to follow the form.
const UNUSABLE: u32 = 2;

impl Method for SelfDebugging {
    fn facts(&self) -> &'static MethodFacts {
        &method::SELF_DEBUGGING
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
                self.repair(&mut talk, program).await?;
            }
            talk.finish().await
        })
    }
}

impl SelfDebugging {
    async fn repair(&self, talk: &mut Dialogue<'_>, mut program: String) -> Result<(), GuidanceError> {
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
            let mut explanation = None;
            if self.feedback == Feedback::Explained {
                let values = |lines| {
                    context! { program => program.trim_end(), runs => failures(task, &seen, lines) }
                };
                let Some(said) = talk.words("explain", &values).await? else { break };
                explanation = words(&said);
            }
            let values = |lines| {
                let lines = if self.feedback == Feedback::Explained { lines } else { 0 };
                context! { program => program.trim_end(), runs => failures(task, &seen, lines), explanation }
            };
            match talk.program("repair", &values).await? {
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
