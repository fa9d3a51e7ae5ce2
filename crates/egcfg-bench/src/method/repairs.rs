//! Rounds of repair, as the methods that mend a failing program share them: run it on the shown tests, let the method ask for
//! another one with the runs in view, judge that, and go on with it.

use egcfg_guidance::GuidanceError;
use egcfg_task::{Observation, Task};
use minijinja::{Value, context};

use super::dialogue::{Dialogue, Written};
use super::feedback::{failures, first_failing};

/// A program under repair.
pub(super) struct Repairs {
    /// The program at hand.
    pub(super) program: String,
    /// Rounds that are left.
    rounds: u32,
    /// Answers in a row without a program.
    unusable: u32,
    /// After so many of them the model is taken not to follow the form.
    patience: u32,
}

impl Repairs {
    /// At most `rounds` repairs of a program that was judged.
    pub(super) fn of(program: String, rounds: u32, patience: u32) -> Self {
        Self { program, rounds, unusable: 0, patience }
    }

    /// Begins another round, where there is one: no program passes so far, and the model follows the form.
    pub(super) fn begin(&mut self, talk: &Dialogue<'_>) -> bool {
        let over = talk.solved() || self.unusable == self.patience || self.rounds == 0;
        self.rounds = self.rounds.saturating_sub(1);
        !over
    }

    /// The runs of the program at hand in another round; `None` where there is no round, or nothing that fails.
    pub(super) async fn failing(
        &mut self,
        talk: &mut Dialogue<'_>,
    ) -> Result<Option<Vec<Observation>>, GuidanceError> {
        if !self.begin(talk) {
            return Ok(None);
        }
        let seen = talk.observe(talk.task(), &self.program).await?;
        Ok(first_failing(&seen).is_some().then_some(seen))
    }

    /// What a message shows of the program at hand: its text and its failing runs.
    pub(super) fn shown(&self, task: &Task, seen: &[Observation], lines: usize) -> Value {
        context! { program => self.program.trim_end(), runs => failures(task, seen, lines) }
    }

    /// Judges what [`Dialogue::program`] answered and goes on with it; without room for an answer this was the last round.
    pub(super) async fn take(
        &mut self,
        talk: &mut Dialogue<'_>,
        answer: Written,
    ) -> Result<(), GuidanceError> {
        match answer {
            Written::Spent => self.rounds = 0,
            Written::Nothing => self.unusable += 1,
            Written::Program(next) => {
                self.unusable = 0;
                talk.try_out(&next).await?;
                self.program = next;
            }
        }
        Ok(())
    }
}
