//! EG-CFG on a tree of programs: where a configuration names a policy, the candidates of a refresh are programs of one tree below
//! the answer so far. Those that are there are kept, what is missing is grown by the policy from where the answer stands. Nothing is
//! drawn twice, beginnings are shared, and a token that two candidates begin with is paid for once.

use std::sync::Arc;

use egcfg_model::Usage;
use egcfg_task::Policy;

use crate::candidate::Candidate;
use crate::error::GuidanceError;
use crate::event::Event;
use crate::generate::Run;
use crate::tree::Grower;

impl Run<'_> {
    /// Fills the pool from the tree.
    pub(crate) async fn draw_on_tree(&mut self, policy: Policy) -> Result<(), GuidanceError> {
        let Some(mut stand) = self.stand.take() else {
            return Err(GuidanceError::Broken("a configuration with a policy has no tree".to_owned()));
        };
        let slots = self.settings.config.candidates as usize;
        let accepted = self.answer.tokens.clone();
        let from = stand.reach(&accepted);
        stand.tree.forget_rows_beside(from);
        let mut chosen: Vec<(usize, usize)> =
            stand.kept(&accepted, slots).into_iter().map(|leaf| (leaf, 0)).collect();
        let mut usage = Usage::default();
        let missing = slots - chosen.len();
        // What is left of a budget is divided among those that want it.
        let most = if self.left() == usize::MAX { usize::MAX } else { self.left() / missing.max(1) };
        if missing > 0 && most > 0 {
            let seeds: Vec<u64> = (0..missing).map(|slot| self.seed("tree", slot)).collect();
            let grower = Grower {
                model: self.session.model,
                context: self.streams.plain.clone(),
                opening: self.prompt.code_prefix.clone(),
                texts: self.session.template.end.clone(),
                longest: self.max_new,
            };
            let grown = grower.grow_from(&mut stand.tree, from, policy, &seeds, 0.0, most).await?;
            usage += grown.usage;
            chosen.extend(grown.leaves);
        }
        let ends = &self.session.model.info().end_tokens;
        let mut pool: Vec<Candidate> = Vec::with_capacity(chosen.len());
        let mut reused: Vec<usize> = Vec::with_capacity(chosen.len());
        for (leaf, new_tokens) in chosen {
            let candidate = stand.candidate(leaf, accepted.len(), ends, &mut self.candidates.next_id);
            if pool.iter().any(|known| known.id == candidate.id) {
                continue;
            }
            reused.push(self.drawn(&candidate).saturating_sub(new_tokens));
            pool.push(candidate);
        }
        let candidates = self.describe(&pool, &reused);
        self.candidates.pool = pool.into_iter().map(Arc::new).collect();
        self.stand = Some(stand);
        self.emit(&Event::Candidates { guided: false, candidates, usage });
        Ok(())
    }
}
