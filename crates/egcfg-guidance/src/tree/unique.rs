//! Sampling without replacement, exact (Shi, Bieber and Singh 2020, arXiv 2002.09067). Each node keeps the share of its
//! probability that was not drawn yet: left(n) = sum over what may follow of p(c) left(c), 1 where nothing was drawn, 0 for
//! a leaf. A child is drawn in proportion to p(c) left(c). The sum is taken anew along the path of every new leaf and never
//! by subtraction, so that it is exactly 0 when everything was drawn.

use egcfg_model::{TokenId, uniform};

use super::store::{NodeId, ROOT, Tree};

/// Where a policy goes on: at a node, by a token that has no node yet; without a token at a node that was never asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Branch {
    pub(crate) node: NodeId,
    pub(crate) token: Option<(TokenId, f32)>,
}

impl Tree {
    /// Recomputes what is left from a drawn (or closed) node up to the root.
    pub(crate) fn take_mass(&mut self, node: NodeId) {
        self.nodes[node].left = 0.0;
        let mut at = node;
        while at != ROOT {
            at = self.nodes[at].parent;
            self.nodes[at].left = if self.nodes[at].closed { 0.0 } else { self.left(at) };
        }
    }

    fn left(&self, node: NodeId) -> f64 {
        let Some(row) = &self.nodes[node].row else { return self.nodes[node].left };
        row.entries
            .iter()
            .map(|entry| {
                entry.share * self.child(node, entry.token).map_or(1.0, |child| self.nodes[child].left)
            })
            .sum()
    }

    /// Draws the branches by which up to `seeds.len()` programs below a node leave the tree, in order. The branches of one call are distinct:
    /// what one of them will become is not known yet, so the others go elsewhere. One at a time is exact.
    pub(crate) fn draw(&self, from: NodeId, seeds: &[u64]) -> Vec<Branch> {
        let mut branches: Vec<Branch> = Vec::new();
        for seed in seeds {
            match self.draw_one(from, *seed, &branches) {
                Some(branch) => branches.push(branch),
                None => break,
            }
        }
        branches
    }

    fn draw_one(&self, from: NodeId, seed: u64, taken: &[Branch]) -> Option<Branch> {
        let mut node = from;
        loop {
            let Some(row) = &self.nodes[node].row else {
                let here = Branch { node, token: None };
                return (!taken.contains(&here) && self.nodes[node].leaf.is_none()).then_some(here);
            };
            let weights: Vec<f64> = row
                .entries
                .iter()
                .map(|entry| match self.child(node, entry.token) {
                    Some(child) => entry.share * self.reachable(child, taken),
                    None if taken.iter().any(|b| leads(*b, node, entry.token)) => 0.0,
                    None => entry.share,
                })
                .collect();
            let total: f64 = weights.iter().sum();
            if total <= 0.0 {
                return None;
            }
            let mut left = uniform(seed, self.nodes[node].depth as u64) * total;
            let mut chosen = None;
            for (entry, weight) in row.entries.iter().zip(&weights).filter(|(_, weight)| **weight > 0.0) {
                chosen = Some(entry);
                left -= weight;
                if left < 0.0 {
                    break;
                }
            }
            let entry = chosen?;
            match self.child(node, entry.token) {
                Some(child) => node = child,
                None => return Some(Branch { node, token: Some((entry.token, entry.log_prob)) }),
            }
        }
    }

    /// What is left below a node beside the branches that are taken already.
    fn reachable(&self, node: NodeId, taken: &[Branch]) -> f64 {
        let left = self.nodes[node].left;
        if left <= 0.0 || taken.is_empty() {
            return left;
        }
        let below = taken.iter().filter_map(|branch| {
            let path = self.along(branch.node);
            let from = path.iter().position(|at| *at == node)?;
            let share = path[from..]
                .windows(2)
                .map(|pair| self.share(pair[0], self.nodes[pair[1]].token))
                .chain(branch.token.map(|(token, _)| self.share(branch.node, token)))
                .product::<f64>();
            Some(share)
        });
        let rest = left - below.sum::<f64>();
        // What rounding leaves of nothing is nothing.
        if rest > left * 1e-9 { rest } else { 0.0 }
    }

    fn share(&self, node: NodeId, token: TokenId) -> f64 {
        let row = self.nodes[node].row.as_ref();
        row.and_then(|row| {
            let at = row.entries.binary_search_by_key(&token, |entry| entry.token).ok()?;
            Some(row.entries[at].share)
        })
        .unwrap_or(0.0)
    }
}

fn leads(branch: Branch, node: NodeId, token: TokenId) -> bool {
    branch.node == node && branch.token.is_some_and(|(taken, _)| taken == token)
}
