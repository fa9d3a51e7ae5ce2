//! Growing a tree by programs: a policy's branches become one request, and what the model writes becomes nodes and leaves.

use egcfg_model::{
    Continuation, LanguageModel, ModelError, Sample, SampleRequest, StopReason, StopRule, TokenId, Usage,
};
use egcfg_task::Policy;

use super::store::{NodeId, ROOT, Tree};
use super::unique::Branch;
use crate::code::last_bytes;

/// Distributions that one request may bring back at most, in numbers: they are whole vocabularies until they are rows.
const MOST_NUMBERS: usize = 1 << 25;

/// The model below one context.
#[derive(Clone)]
pub(crate) struct Grower<'a> {
    pub(crate) model: &'a dyn LanguageModel,
    /// Tokens of the prompt.
    pub(crate) context: Vec<TokenId>,
    /// The answer's text before the first token.
    pub(crate) opening: String,
    /// Texts that end a program.
    pub(crate) texts: Vec<String>,
    /// Tokens of a program at most.
    pub(crate) longest: usize,
}

/// What one step of growing brought.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Grown {
    /// Leaves by number, in the order of their branches, and the tokens that each took.
    pub(crate) leaves: Vec<(usize, usize)>,
    pub(crate) usage: Usage,
}

impl Grower<'_> {
    /// Grows by up to `seeds.len()` programs of a policy, all in one batch; nothing where the tree is exhausted. `most` tokens
    /// are generated per program at most.
    pub(crate) async fn grow(
        &self,
        tree: &mut Tree,
        policy: Policy,
        seeds: &[u64],
        bonus: f64,
        most: usize,
    ) -> Result<Grown, ModelError> {
        self.grow_from(tree, ROOT, policy, seeds, bonus, most).await
    }

    /// As [`Self::grow`], by programs below a node (a beam is always one from the root).
    pub(crate) async fn grow_from(
        &self,
        tree: &mut Tree,
        from: NodeId,
        policy: Policy,
        seeds: &[u64],
        bonus: f64,
        most: usize,
    ) -> Result<Grown, ModelError> {
        let branches = match policy {
            Policy::Independent => vec![Branch { node: from, token: None }; seeds.len()],
            Policy::Unique => tree.draw(from, seeds),
            Policy::Priority => tree.best_branches(from, seeds.len(), bonus),
            Policy::Beam | Policy::NormalisedBeam => return self.beam(tree, policy, seeds.len(), most).await,
        };
        let greedy = policy == Policy::Priority;
        self.follow(tree, &branches, seeds, greedy, policy != Policy::Independent, most).await
    }

    /// The model's own most probable program.
    pub(crate) async fn greedy(&self, tree: &mut Tree, rows: bool, most: usize) -> Result<Grown, ModelError> {
        self.follow(tree, &[Branch { node: ROOT, token: None }], &[0], true, rows, most).await
    }

    /// Continues every branch to the end of its program.
    async fn follow(
        &self,
        tree: &mut Tree,
        branches: &[Branch],
        seeds: &[u64],
        greedy: bool,
        rows: bool,
        most: usize,
    ) -> Result<Grown, ModelError> {
        let mut usage = Usage::default();
        let mut paths: Vec<Path> =
            branches.iter().zip(seeds).map(|(b, seed)| self.enter(tree, *b, *seed)).collect();
        loop {
            let open: Vec<usize> = (0..paths.len()).filter(|at| paths[*at].stop.is_none()).collect();
            if open.is_empty() {
                break;
            }
            let (room, vocabulary) = (MOST_NUMBERS / open.len(), self.model.info().vocab.max(1));
            let chunk = if rows { (room / vocabulary).max(8) } else { usize::MAX };
            let mut asked = Vec::with_capacity(open.len());
            let mut continuations = Vec::with_capacity(open.len());
            for at in &open {
                let path = &paths[*at];
                let left = self.longest.saturating_sub(path.tokens.len()).min(most.saturating_sub(path.new));
                let max_tokens = left.min(chunk);
                asked.push((max_tokens, left));
                continuations.push(Continuation {
                    prefix: path.tokens.clone(),
                    tail: self.tail(&path.tokens),
                    seed: path.seed,
                    stop: StopRule { max_tokens, newlines: None, texts: self.texts.clone() },
                });
            }
            let (samples, cost) = self
                .model
                .sample(SampleRequest {
                    context: self.context.clone(),
                    continuations,
                    temperature: if greedy { 0.0 } else { tree.shape.temperature },
                    top_p: if greedy { 1.0 } else { tree.shape.top_p },
                    want_distributions: rows,
                })
                .await?;
            usage += cost;
            for ((at, (max_tokens, left)), sample) in open.into_iter().zip(asked).zip(samples) {
                take(tree, &mut paths[at], &sample, max_tokens, left);
            }
        }
        let leaves = paths
            .into_iter()
            .map(|path| {
                let before = tree.generated();
                let leaf = tree.finish(path.node, path.stop.unwrap_or(StopReason::Length), path.new);
                debug_assert_eq!(before, tree.generated());
                (leaf, path.new)
            })
            .collect();
        Ok(Grown { leaves, usage })
    }

    /// Steps onto a branch. Its token may be the whole of it: an end token, or one that completes an end mark.
    fn enter(&self, tree: &mut Tree, branch: Branch, seed: u64) -> Path {
        let mut tokens = tree.path(branch.node);
        let mut path = Path { node: branch.node, tokens: Vec::new(), seed, new: 0, stop: None };
        if let Some((token, log_prob)) = branch.token {
            path.node = tree.enter(branch.node, token, log_prob);
            path.new = 1;
            path.stop = self.ends(&tokens, token);
            tokens.push(token);
        }
        if path.stop.is_none() && tokens.len() >= self.longest {
            path.stop = Some(StopReason::Length);
        }
        path.tokens = tokens;
        path
    }

    /// Why a program ends with this token, if it does.
    pub(super) fn ends(&self, before: &[TokenId], token: TokenId) -> Option<StopReason> {
        if self.model.info().end_tokens.contains(&token) {
            return Some(StopReason::EndOfText);
        }
        let mut bytes = self.tail(before).into_bytes();
        bytes.extend_from_slice(self.model.token_bytes(token));
        let found = |text: &&String| {
            !text.is_empty() && bytes.windows(text.len()).any(|window| window == text.as_bytes())
        };
        self.texts.iter().any(|text| found(&text)).then_some(StopReason::Text)
    }

    /// The last characters before the next token, as many as an end mark may reach back.
    fn tail(&self, tokens: &[TokenId]) -> String {
        let longest = self.texts.iter().map(String::len).max().unwrap_or(1).saturating_sub(1);
        let mut pieces = Vec::new();
        let mut length = 0;
        for token in tokens.iter().rev() {
            if length >= longest {
                break;
            }
            pieces.push(self.model.token_bytes(*token));
            length += self.model.token_bytes(*token).len();
        }
        let mut bytes: Vec<u8> =
            if length < longest { self.opening.clone().into_bytes() } else { Vec::new() };
        for piece in pieces.into_iter().rev() {
            bytes.extend_from_slice(piece);
        }
        // Half a character in front cannot be part of a mark.
        let text = String::from_utf8_lossy(&bytes);
        last_bytes(&text, longest).to_owned()
    }
}

/// A program on its way.
struct Path {
    node: NodeId,
    tokens: Vec<TokenId>,
    seed: u64,
    new: usize,
    stop: Option<StopReason>,
}

/// Puts what was written into the tree; the path goes on where only the request ended.
fn take(tree: &mut Tree, path: &mut Path, sample: &Sample, asked: usize, left: usize) {
    let before = tree.generated();
    path.node = tree.extend(path.node, sample);
    // What the tree held already was generated again all the same (two draws of one batch, or independent ones).
    tree.repeated(sample.tokens.len() - (tree.generated() - before).min(sample.tokens.len()));
    path.tokens.extend_from_slice(&sample.tokens);
    path.new += sample.tokens.len();
    let cut_by_request = sample.stop == StopReason::Length && sample.tokens.len() == asked && asked < left;
    path.stop = (!cut_by_request).then_some(sample.stop);
}
