//! Priority sampling (Grubisic and others 2024, arXiv 2402.18734): the unexpanded token with the most probable path comes
//! next. A bonus may lift branches that leave from programs which pass some of the tests.

use super::store::{NodeId, ROOT, Tree};
use super::unique::Branch;

impl Tree {
    /// The `width` best branches below a node: highest log-probability of the path plus `bonus` times the share of tests that a program
    /// through the branch's node passes; of equals the older node, then the lower token id.
    pub(crate) fn best_branches(&self, from: NodeId, width: usize, bonus: f64) -> Vec<Branch> {
        let mut best: Vec<(f64, Branch)> = Vec::new();
        for (id, node) in self.nodes.iter().enumerate().skip(from) {
            if node.closed || node.leaf.is_some() || (from != ROOT && !self.is_below(id, from)) {
                continue;
            }
            let base = node.log_prob + bonus * node.passing;
            let Some(row) = &node.row else {
                if node.children.is_empty() {
                    best.push((base, Branch { node: id, token: None }));
                }
                continue;
            };
            for entry in &row.entries {
                let worst = if best.len() < width {
                    f64::NEG_INFINITY
                } else {
                    best.last().map_or(f64::NEG_INFINITY, |(score, _)| *score)
                };
                let score = base + f64::from(entry.log_prob);
                if score > worst && self.child(id, entry.token).is_none() {
                    let branch = Branch { node: id, token: Some((entry.token, entry.log_prob)) };
                    let at = best.partition_point(|(other, _)| *other >= score);
                    best.insert(at, (score, branch));
                    best.truncate(width.max(1));
                }
            }
        }
        best.sort_by(|a, b| b.0.total_cmp(&a.0));
        best.truncate(width);
        best.into_iter().map(|(_, branch)| branch).collect()
    }
}
