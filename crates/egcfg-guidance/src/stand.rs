//! The tree behind a generation's candidates, with whole distributions where the blend needs them.

use std::collections::HashMap;

use egcfg_model::{LogProbs, TokenId};

use crate::candidate::Candidate;
use crate::tree::{NodeId, ROOT, Shape, Tree};

/// The tree behind a generation's candidates.
pub(crate) struct Stand {
    pub(crate) tree: Tree,
    /// Candidates' numbers by their leaves.
    ids: HashMap<usize, usize>,
}

impl Stand {
    /// The tree of a search below the same prompt, where there is one of this shape; else an empty one.
    pub(crate) fn begin(shape: Shape, searched: Option<&Tree>) -> Self {
        let known = searched.filter(|tree| tree.shape == shape);
        let mut tree = known.map_or_else(|| Tree::new(shape), Tree::clone);
        tree.keep_whole_rows();
        Self { tree, ids: HashMap::new() }
    }

    /// The node of the accepted tokens. Guidance may have taken tokens that the tree does not hold: they are entered, so that what
    /// grows below them has a place. What the plain model gives such a token matters to nothing below it.
    pub(crate) fn reach(&mut self, accepted: &[TokenId]) -> NodeId {
        accepted.iter().fold(ROOT, |node, token| {
            let own = self.tree.whole_row(node).map_or(0.0, |row| row.get(*token));
            self.tree.enter(node, *token, if own.is_finite() { own } else { 0.0 })
        })
    }

    /// The most probable programs below a node, at most `most`; of equals the older.
    pub(crate) fn kept(&self, below: &[TokenId], most: usize) -> Vec<usize> {
        let leaves = self.tree.leaves();
        let mut kept: Vec<usize> =
            (0..leaves.len()).filter(|at| leaves[*at].tokens.starts_with(below)).collect();
        kept.sort_by(|a, b| leaves[*b].log_prob.total_cmp(&leaves[*a].log_prob));
        kept.truncate(most);
        kept
    }

    /// A leaf as a candidate of the answer so far.
    pub(crate) fn candidate(
        &mut self,
        leaf: usize,
        accepted: usize,
        ends: &[TokenId],
        next_id: &mut usize,
    ) -> Candidate {
        let own = &self.tree.leaves()[leaf];
        let mut tokens = own.tokens.clone();
        let end_token = tokens.pop_if(|token| ends.contains(token));
        let path = self.tree.along(own.node());
        let rows: Vec<LogProbs> =
            path.iter().skip(accepted).map_while(|node| self.tree.whole_row(*node).cloned()).collect();
        let finished = own.finished();
        let id = *self.ids.entry(leaf).or_insert_with(|| {
            *next_id += 1;
            *next_id - 1
        });
        Candidate { id, seed: 0, tokens, rows, first_row: accepted, end_token, finished }
    }
}
