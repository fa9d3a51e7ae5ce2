//! What a generation takes over from a search: the best programs of the tree, as candidates that were run.

use crate::error::GuidanceError;
use crate::generate::Run;
use crate::runs::{Past, best_runs};
use crate::search::Searched;

/// Programs of a tree that are traced for the block at most; it shows fewer still.
const MOST_RECALLED: usize = 16;

impl Run<'_> {
    /// Remembers the programs of a tree below this generation's own prompt: those that pass most shown tests, of equals the more
    /// probable ones. They are run once more, traced.
    pub(crate) async fn remember(&mut self, searched: &Searched) -> Result<(), GuidanceError> {
        if searched.prompt != self.prompt || self.settings.config.switches.memory == 0 {
            return Ok(());
        }
        let past = searched.judged.iter().filter(|one| one.finished).map(|one| Past {
            program: &one.program,
            tokens: &one.tokens,
            passes: one.passes,
            rank: one.log_prob,
        });
        let (python, first) = (self.settings.python, self.candidates.next_id);
        let taken = best_runs(self.session, python, past.collect(), MOST_RECALLED, first).await?;
        self.candidates.next_id += taken.len();
        self.candidates.seen = taken;
        Ok(())
    }
}
