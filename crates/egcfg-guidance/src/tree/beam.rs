//! Beam search: level by level, the `width` most probable beginnings go on. Rows are the shape's nuclei; with top-p 1 every
//! token counts. It ends when `width` programs are finished that no open beginning can overtake, and is the first stage of
//! fine-tuning by beams.

use egcfg_model::{ModelError, ScoreRequest, StopReason};
use egcfg_task::Policy;

use super::grow::{Grower, Grown};
use super::store::{NodeId, ROOT, Tree};

impl Grower<'_> {
    /// One whole beam search; a tree that holds leaves already has had it.
    pub(super) async fn beam(
        &self,
        tree: &mut Tree,
        policy: Policy,
        width: usize,
        most: usize,
    ) -> Result<Grown, ModelError> {
        let mut grown = Grown::default();
        if tree.nodes[ROOT].closed {
            return Ok(grown);
        }
        let score = |log_prob: f64, depth: usize| match policy {
            Policy::NormalisedBeam => log_prob / depth.max(1) as f64,
            _ => log_prob,
        };
        let started = tree.generated();
        let mut done: Vec<(NodeId, StopReason)> = Vec::new();
        let mut alive: Vec<NodeId> = vec![ROOT];
        while !alive.is_empty() {
            self.ask_rows(tree, &alive, &mut grown).await?;
            let mut next = Vec::new();
            for node in &alive {
                let here = &tree.nodes[*node];
                for entry in here.row.iter().flat_map(|row| row.entries.iter()) {
                    let log_prob = here.log_prob + f64::from(entry.log_prob);
                    next.push((score(log_prob, here.depth + 1), *node, entry.token, entry.log_prob));
                }
            }
            // Stable: of equals the beginning that was better before, then the lower id.
            next.sort_by(|a, b| b.0.total_cmp(&a.0));
            next.truncate(width);
            let level = std::mem::take(&mut alive);
            for (_, parent, token, log_prob) in next {
                if tree.generated() - started >= most {
                    break;
                }
                let before = tree.path(parent);
                let node = tree.enter(parent, token, log_prob);
                match self.ends(&before, token) {
                    Some(stop) => done.push((node, stop)),
                    None if before.len() + 1 >= self.longest => done.push((node, StopReason::Length)),
                    None => alive.push(node),
                }
            }
            if tree.generated() - started >= most {
                // The budget is spent: what stands is cut where it is.
                let rest = if alive.is_empty() { level } else { std::mem::take(&mut alive) };
                let open =
                    rest.into_iter().filter(|node| *node != ROOT && tree.nodes[*node].children.is_empty());
                done.extend(open.map(|node| (node, StopReason::Length)));
                break;
            }
            done.sort_by(|a, b| {
                let value = |node: NodeId| score(tree.nodes[node].log_prob, tree.nodes[node].depth);
                value(b.0).total_cmp(&value(a.0))
            });
            // Log-probabilities only fall, so without normalisation a full set of better programs is final.
            let worst = done.get(width.saturating_sub(1)).map(|(node, _)| tree.nodes[*node].log_prob);
            if policy == Policy::Beam
                && worst.is_some_and(|worst| alive.iter().all(|node| tree.nodes[*node].log_prob <= worst))
            {
                break;
            }
        }
        done.truncate(width);
        // What a token costs stands on the first leaf that needs it; beginnings that were given up on the best one.
        let mut counted = 0;
        let total = tree.generated() - started;
        let number = done.len();
        for (place, (node, stop)) in done.into_iter().enumerate() {
            let own = if place + 1 == number { total - counted } else { total / number };
            counted += own;
            let leaf = tree.finish(node, stop, own);
            grown.leaves.push((leaf, own));
        }
        tree.close(ROOT);
        Ok(grown)
    }

    async fn ask_rows(&self, tree: &mut Tree, nodes: &[NodeId], grown: &mut Grown) -> Result<(), ModelError> {
        let asked: Vec<NodeId> =
            nodes.iter().copied().filter(|node| tree.nodes[*node].row.is_none()).collect();
        let requests = asked.iter().map(|node| ScoreRequest {
            context: [self.context.as_slice(), &tree.path(*node)].concat(),
            drafts: Vec::new(),
        });
        let replies = self.model.score_all(requests.collect()).await?;
        for (node, reply) in asked.into_iter().zip(replies) {
            grown.usage += reply.usage;
            tree.ask(node, &reply.next, None);
        }
        Ok(())
    }
}
