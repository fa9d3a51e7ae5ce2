//! Nodes and leaves. Ids are indexes that never change, so paths of a growing tree stay valid.

use std::collections::HashMap;

use egcfg_model::{LogProbs, Sample, StopReason, TokenId};

use super::shape::{Row, Shape};

/// A node's place in the tree.
pub(crate) type NodeId = usize;

/// The context itself.
pub(crate) const ROOT: NodeId = 0;

/// A token below the context.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) parent: NodeId,
    pub(crate) token: TokenId,
    pub(crate) depth: usize,
    /// Natural log-probability of the path's tokens under the model itself.
    pub(crate) log_prob: f64,
    /// What may follow, once the model was asked.
    pub(crate) row: Option<Row>,
    pub(crate) children: Vec<(TokenId, NodeId)>,
    /// The leaf that ends here.
    pub(crate) leaf: Option<usize>,
    /// Share of the node's probability that was not drawn yet (policy `unique`).
    pub(crate) left: f64,
    /// Nothing below it is worth growing.
    pub(crate) closed: bool,
    /// Largest share of passed tests among the programs through it (the test bonus).
    pub(crate) passing: f64,
}

/// A finished path: a program.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf {
    pub(crate) node: NodeId,
    /// Its tokens, the end mark or end-of-text token included.
    pub tokens: Vec<TokenId>,
    /// Natural log-probability of the tokens under the model.
    pub log_prob: f64,
    /// Why it ended: by the model's own end, or at a limit.
    pub stop: StopReason,
    /// Tokens that were generated for it; the others are shared with older programs.
    pub new_tokens: usize,
    /// How many times it was drawn (more than once under `independent` alone).
    pub drawn: usize,
}

impl Leaf {
    pub(crate) fn node(&self) -> NodeId {
        self.node
    }

    /// The model ended it.
    pub fn finished(&self) -> bool {
        matches!(self.stop, StopReason::EndOfText | StopReason::Text)
    }
}

/// The tree of one task.
#[derive(Debug, Clone)]
pub struct Tree {
    pub(crate) shape: Shape,
    pub(crate) nodes: Vec<Node>,
    pub(crate) leaves: Vec<Leaf>,
    /// Tokens generated: one per node, and under `independent` one per repeated token as well.
    generated: usize,
    /// Whole distributions by node, where they are kept: a blend needs tokens that no nucleus holds.
    whole: Option<HashMap<NodeId, LogProbs>>,
}

impl Tree {
    /// An empty tree whose rows have this shape.
    pub(crate) fn new(shape: Shape) -> Self {
        let root = Node {
            parent: ROOT,
            token: 0,
            depth: 0,
            log_prob: 0.0,
            row: None,
            children: Vec::new(),
            leaf: None,
            left: 1.0,
            closed: false,
            passing: 0.0,
        };
        Self { shape, nodes: vec![root], leaves: Vec::new(), generated: 0, whole: None }
    }

    /// Keeps whole distributions from now on.
    pub(crate) fn keep_whole_rows(&mut self) {
        self.whole.get_or_insert_default();
    }

    /// The whole distribution after a node, where it was kept.
    pub(crate) fn whole_row(&self, node: NodeId) -> Option<&LogProbs> {
        self.whole.as_ref()?.get(&node)
    }

    /// Drops the whole distributions of all nodes that are not below this one: they are the bulk of memory.
    pub(crate) fn forget_rows_beside(&mut self, node: NodeId) {
        let Some(mut whole) = self.whole.take() else { return };
        whole.retain(|own, _| self.is_below(*own, node));
        self.whole = Some(whole);
    }

    /// Whether a node is another one or stands below it.
    pub(crate) fn is_below(&self, node: NodeId, above: NodeId) -> bool {
        let mut at = node;
        // Children have higher numbers than their parents.
        while at > above {
            at = self.nodes[at].parent;
        }
        at == above
    }

    /// The programs, in the order in which they were grown.
    pub fn leaves(&self) -> &[Leaf] {
        &self.leaves
    }

    /// Number of tokens in the tree.
    pub fn nodes(&self) -> usize {
        self.nodes.len() - 1
    }

    /// Tokens generated so far.
    pub fn generated(&self) -> usize {
        self.generated
    }

    /// Rows whose nucleus holds more tokens than the model listed.
    pub fn truncated(&self) -> usize {
        self.nodes.iter().filter(|node| node.row.as_ref().is_some_and(|row| row.truncated)).count()
    }

    /// Probability, under the shaped distribution, of what was not drawn yet.
    pub fn remaining(&self) -> f64 {
        self.nodes[ROOT].left
    }

    /// The tokens from the root to a node.
    pub(crate) fn path(&self, node: NodeId) -> Vec<TokenId> {
        let mut tokens = Vec::with_capacity(self.nodes[node].depth);
        let mut at = node;
        while at != ROOT {
            tokens.push(self.nodes[at].token);
            at = self.nodes[at].parent;
        }
        tokens.reverse();
        tokens
    }

    /// The token of a node.
    pub(crate) fn token(&self, node: NodeId) -> TokenId {
        self.nodes[node].token
    }

    /// Natural log-probability of the tokens up to a node, under the model.
    pub(crate) fn log_prob(&self, node: NodeId) -> f64 {
        self.nodes[node].log_prob
    }

    /// Whether nothing below a node is worth growing.
    pub(crate) fn is_closed(&self, node: NodeId) -> bool {
        self.nodes[node].closed
    }

    /// Tokens below which nothing is grown any more because runs said so.
    pub fn closed(&self) -> usize {
        self.nodes.iter().filter(|node| node.closed).count()
    }

    /// The nodes of a path, root first.
    pub(crate) fn along(&self, node: NodeId) -> Vec<NodeId> {
        let mut nodes = vec![node];
        let mut at = node;
        while at != ROOT {
            at = self.nodes[at].parent;
            nodes.push(at);
        }
        nodes.reverse();
        nodes
    }

    /// Natural log-probability of each token of a leaf, under the model.
    pub(crate) fn log_probs(&self, leaf: usize) -> Vec<f32> {
        let nodes = self.along(self.leaves[leaf].node);
        nodes
            .windows(2)
            .map(|pair| (self.nodes[pair[1]].log_prob - self.nodes[pair[0]].log_prob) as f32)
            .collect()
    }

    pub(crate) fn child(&self, node: NodeId, token: TokenId) -> Option<NodeId> {
        let children = &self.nodes[node].children;
        children.binary_search_by_key(&token, |(token, _)| *token).ok().map(|at| children[at].1)
    }

    /// Keeps what may follow a node; `token` is in it whatever the list says.
    pub(crate) fn ask(&mut self, node: NodeId, distribution: &LogProbs, token: Option<(TokenId, f32)>) {
        if let Some(whole) = &mut self.whole {
            whole.entry(node).or_insert_with(|| distribution.clone());
        }
        let row = self.shape.row(distribution);
        let row = match token {
            Some((token, log_prob)) => row.with(token, log_prob),
            None => row,
        };
        self.nodes[node].row.get_or_insert(row);
    }

    /// The child by a token, made where there is none: the token is generated then.
    pub(crate) fn enter(&mut self, node: NodeId, token: TokenId, log_prob: f32) -> NodeId {
        if let Some(child) = self.child(node, token) {
            return child;
        }
        let id = self.nodes.len();
        let parent = &mut self.nodes[node];
        if let Err(at) = parent.children.binary_search_by_key(&token, |(token, _)| *token) {
            parent.children.insert(at, (token, id));
        }
        let child = Node {
            parent: node,
            token,
            depth: parent.depth + 1,
            log_prob: parent.log_prob + f64::from(log_prob),
            row: None,
            children: Vec::new(),
            leaf: None,
            left: 1.0,
            closed: parent.closed,
            passing: 0.0,
        };
        self.nodes.push(child);
        self.generated += 1;
        id
    }

    /// Appends what the model wrote below a node; the last node.
    pub(crate) fn extend(&mut self, from: NodeId, sample: &Sample) -> NodeId {
        let mut at = from;
        for (index, token) in sample.tokens.iter().enumerate() {
            let log_prob = sample.log_probs.get(index).copied().unwrap_or(f32::NEG_INFINITY);
            let known =
                self.nodes[at].row.is_some() && (self.whole.is_none() || self.whole_row(at).is_some());
            if let Some(distribution) = sample.distributions.get(index).filter(|_| !known) {
                self.ask(at, distribution, Some((*token, log_prob)));
            }
            at = self.enter(at, *token, log_prob);
        }
        at
    }

    /// Counts tokens that were generated although the tree held them.
    pub(crate) fn repeated(&mut self, tokens: usize) {
        self.generated += tokens;
    }

    /// Ends a path with a leaf, the same one where it ended there before. Its number.
    pub(crate) fn finish(&mut self, node: NodeId, stop: StopReason, new_tokens: usize) -> usize {
        if let Some(leaf) = self.nodes[node].leaf {
            self.leaves[leaf].drawn += 1;
            return leaf;
        }
        let number = self.leaves.len();
        let (tokens, log_prob) = (self.path(node), self.nodes[node].log_prob);
        self.leaves.push(Leaf { node, tokens, log_prob, stop, new_tokens, drawn: 1 });
        self.nodes[node].leaf = Some(number);
        self.take_mass(node);
        number
    }

    /// Closes everything below a node: no policy goes there any more.
    pub(crate) fn close(&mut self, node: NodeId) {
        let mut open = vec![node];
        while let Some(at) = open.pop() {
            self.nodes[at].closed = true;
            open.extend(self.nodes[at].children.iter().map(|(_, child)| *child));
        }
        self.take_mass(node);
    }

    /// Remembers that a program through these nodes passes a share of the shown tests.
    pub(crate) fn reward(&mut self, leaf: usize, share: f64) {
        for node in self.along(self.leaves[leaf].node) {
            let known = &mut self.nodes[node].passing;
            *known = known.max(share);
        }
    }
}
