//! Self-Debugging (Chen et al. 2023): write a program, run it on the shown tests, let the model explain a failing run, and
//! let it repair the program with that explanation before it, round after round.

use egcfg_guidance::GuidanceError;
use egcfg_results::{MethodFacts, method};
use minijinja::context;

use super::chat::Chat;
use super::dialogue::Dialogue;
use super::parse::words;
use super::repairs::Repairs;

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

impl Chat for SelfDebugging {
    const FACTS: &'static MethodFacts = &method::SELF_DEBUGGING;

    async fn work(&self, talk: &mut Dialogue<'_>) -> Result<(), GuidanceError> {
        let Some(program) = talk.plain_answer().await? else { return Ok(()) };
        let (task, mut repairs) = (talk.task(), Repairs::of(program, self.rounds, UNUSABLE));
        let explained = self.feedback == Feedback::Explained;
        while let Some(seen) = repairs.failing(talk).await? {
            let mut explanation = None;
            if explained {
                let said = talk.words("explain", &|lines| repairs.shown(task, &seen, lines)).await?;
                let Some(said) = said else { break };
                explanation = words(&said);
            }
            let values = |lines| {
                context! { explanation, ..repairs.shown(task, &seen, if explained { lines } else { 0 }) }
            };
            let next = talk.program("repair", &values).await?;
            repairs.take(talk, next).await?;
        }
        Ok(())
    }
}
