//! What a generation takes over from a search: the best programs of the tree, as candidates that were run.

use std::sync::Arc;

use futures::future::try_join_all;

use crate::candidate::{Candidate, Executed};
use crate::error::GuidanceError;
use crate::generate::Run;
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
        let leaves = searched.tree.leaves();
        let mut best: Vec<_> = searched.judged.iter().filter(|one| leaves[one.leaf].finished()).collect();
        best.sort_by(|a, b| {
            let likely = |leaf: usize| leaves[leaf].log_prob;
            b.passes.cmp(&a.passes).then(likely(b.leaf).total_cmp(&likely(a.leaf)))
        });
        let (python, session) = (self.settings.python, self.session);
        let ends = &session.model.info().end_tokens;
        let mut taken: Vec<Executed> = Vec::new();
        for one in best {
            if taken.len() == MOST_RECALLED {
                break;
            }
            let Some(program) = egcfg_python::executable_form(&one.program, python) else { continue };
            let normal = egcfg_python::normal_form(&program, python).unwrap_or_else(|| program.clone());
            if taken.iter().any(|other| other.normal == normal) {
                continue;
            }
            let mut tokens = leaves[one.leaf].tokens.clone();
            let end_token = tokens.pop_if(|token| ends.contains(token));
            let candidate = Candidate {
                id: self.next_id,
                seed: 0,
                first_row: tokens.len(),
                tokens,
                rows: Vec::new(),
                end_token,
                finished: true,
            };
            self.next_id += 1;
            let (candidate, observations) = (Arc::new(candidate), Arc::default());
            taken.push(Executed { candidate, program, normal, observations });
        }
        let runs = taken.iter().map(|one| async {
            if let Some(known) = session.cache.get(&one.program) {
                return Ok(known);
            }
            let seen = session.executor.observe(session.task, &one.program).await?;
            Ok::<_, GuidanceError>(session.cache.insert(one.program.clone(), seen))
        });
        let seen = try_join_all(runs).await?;
        for (one, observations) in taken.iter_mut().zip(seen) {
            one.observations = observations;
        }
        self.seen = taken;
        Ok(())
    }
}
