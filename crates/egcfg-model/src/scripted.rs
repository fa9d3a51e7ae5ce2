//! [`ScriptedModel`]: a tiny model whose distributions come from a rule over the whole context, for tests that must be
//! exact. It is a language model in earnest: it samples with the shared sampler, stops by the shared rules, and keeps a
//! prefix cache whose accounting is the engine's, so that a schedule's cost can be asserted to the token.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use futures::future::{BoxFuture, ready};

use crate::api::{
    Encode, LanguageModel, ModelInfo, Sample, SampleRequest, ScoreReply, ScoreRequest, TokenId, Usage,
};
use crate::check;
use crate::dist::LogProbs;
use crate::error::ModelError;
use crate::progress::Progress;
use crate::sampler::{Sampler, mix};

/// Logits (one per vocabulary entry) after a context.
pub type Rule = Box<dyn Fn(&[TokenId]) -> Vec<f32> + Send + Sync>;

/// Spread of the logits of [`ScriptedModel::hashed`]: wide enough for clear winners, narrow enough for surprises.
const HASHED_SPREAD: f32 = 6.0;

/// A deterministic model over a vocabulary of byte strings. An empty entry is an end token.
pub struct ScriptedModel {
    info: ModelInfo,
    vocab: Vec<Vec<u8>>,
    special: Vec<(String, TokenId)>,
    rule: Rule,
    cache: Mutex<PrefixTree>,
    calls: AtomicUsize,
    computed: AtomicUsize,
}

impl ScriptedModel {
    /// A model whose logits are pseudo-random numbers from a hash of (seed, all context tokens, token).
    pub fn hashed<T: AsRef<[u8]>>(vocab: &[T], seed: u64) -> Self {
        let size = vocab.len();
        Self::with_rule(
            vocab,
            Box::new(move |context| {
                let state = context.iter().fold(mix(seed), |state, token| mix(state ^ u64::from(*token)));
                (0..size as u64)
                    .map(|id| {
                        let unit = (mix(state.wrapping_add(id)) >> 40) as f32 / (1_u64 << 24) as f32;
                        HASHED_SPREAD * unit
                    })
                    .collect()
            }),
        )
    }

    /// A model whose logits a rule computes. Should the rule return too few numbers, the rest are `-inf`; too many, the
    /// surplus is ignored.
    pub fn with_rule<T: AsRef<[u8]>>(vocab: &[T], rule: Rule) -> Self {
        let vocab: Vec<Vec<u8>> = vocab.iter().map(|entry| entry.as_ref().to_vec()).collect();
        let end_tokens =
            (0..vocab.len()).filter(|id| vocab[*id].is_empty()).map(|id| id as TokenId).collect();
        let info = ModelInfo {
            name: "scripted".to_owned(),
            vocab: vocab.len(),
            context: 4096,
            end_tokens,
            ..ModelInfo::default()
        };
        Self {
            info,
            vocab,
            special: Vec::new(),
            rule,
            cache: Mutex::new(PrefixTree::default()),
            calls: AtomicUsize::new(0),
            computed: AtomicUsize::new(0),
        }
    }

    /// Sets the context length in tokens (4096 otherwise).
    #[must_use]
    pub fn with_context(mut self, tokens: usize) -> Self {
        self.info.context = tokens;
        self
    }

    /// Sets the token that a prompt starts with (none otherwise).
    #[must_use]
    pub fn with_bos(mut self, bos: TokenId) -> Self {
        self.info.bos = Some(bos);
        self
    }

    /// Gives a token a spelling that [`Encode::Template`] recognises and [`Encode::Plain`] does not.
    #[must_use]
    pub fn with_special(mut self, spelling: &str, token: TokenId) -> Self {
        self.special.push((spelling.to_owned(), token));
        self
    }

    /// Replaces the facts about the model, except the size of the vocabulary.
    #[must_use]
    pub fn with_info(mut self, change: impl FnOnce(&mut ModelInfo)) -> Self {
        change(&mut self.info);
        self.info.vocab = self.vocab.len();
        self
    }

    /// Engine calls so far: one for each `score`, `score_all` and `sample`.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Tokens put through the model so far; what the prefix cache held is not counted.
    pub fn computed(&self) -> usize {
        self.computed.load(Ordering::SeqCst)
    }

    /// Forgets all cached prefixes and sets the counters to 0.
    pub fn reset(&self) {
        *self.cache.lock().unwrap_or_else(PoisonError::into_inner) = PrefixTree::default();
        self.calls.store(0, Ordering::SeqCst);
        self.computed.store(0, Ordering::SeqCst);
    }

    /// The distribution after a context, straight from the rule: no cache, no accounting. What tests compare with.
    pub fn distribution(&self, context: &[TokenId]) -> LogProbs {
        let mut logits = (self.rule)(context);
        logits.resize(self.vocab.len(), f32::NEG_INFINITY);
        LogProbs::from_logits(&logits)
    }

    /// The bytes of a token list, as text; broken UTF-8 becomes replacement characters.
    pub fn text(&self, tokens: &[TokenId]) -> String {
        let bytes: Vec<u8> = tokens.iter().flat_map(|token| self.token_bytes(*token)).copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn encode_now(&self, text: &str, how: Encode) -> Result<Vec<TokenId>, ModelError> {
        let mut tokens = Vec::new();
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let special = match how {
                Encode::Template => self
                    .special
                    .iter()
                    .filter(|(s, _)| rest.starts_with(s.as_bytes()))
                    .max_by_key(|(s, _)| s.len()),
                Encode::Plain => None,
            };
            let (length, token) = match special {
                Some((spelling, token)) => (spelling.len(), *token),
                None => self.longest_entry(rest).ok_or_else(|| {
                    ModelError::BadRequest(format!(
                        "the scripted vocabulary has no entry for byte {} of {text:?}",
                        text.len() - rest.len()
                    ))
                })?,
            };
            tokens.push(token);
            rest = &rest[length..];
        }
        Ok(tokens)
    }

    /// Length and id of the longest entry that `bytes` starts with; of equals the lowest id.
    fn longest_entry(&self, bytes: &[u8]) -> Option<(usize, TokenId)> {
        let mut best: Option<(usize, TokenId)> = None;
        for (id, entry) in self.vocab.iter().enumerate() {
            let longer = best.is_none_or(|(length, _)| entry.len() > length);
            if !entry.is_empty() && longer && bytes.starts_with(entry) {
                best = Some((entry.len(), id as TokenId));
            }
        }
        best
    }

    fn score_now(&self, request: &ScoreRequest) -> Result<ScoreReply, ModelError> {
        check::score(&self.info, request)?;
        let usage = {
            let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
            let (node, mut usage) = cache.walk(0, &request.context);
            for draft in &request.drafts {
                usage.computed += cache.walk(node, draft).1.computed;
            }
            usage
        };
        let mut tokens = request.context.clone();
        let next = self.distribution(&tokens);
        let mut after = Vec::with_capacity(request.drafts.len());
        for draft in &request.drafts {
            tokens.truncate(request.context.len());
            let mut along = Vec::with_capacity(draft.len());
            for token in draft {
                tokens.push(*token);
                along.push(self.distribution(&tokens));
            }
            after.push(along);
        }
        self.computed.fetch_add(usage.computed, Ordering::SeqCst);
        Ok(ScoreReply { next, after, usage })
    }

    fn sample_now(&self, request: &SampleRequest) -> Result<(Vec<Sample>, Usage), ModelError> {
        check::sample(&self.info, request)?;
        let mut sampler = Sampler::new(request.temperature, request.top_p)?;
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let (root, mut usage) = cache.walk(0, &request.context);
        let mut samples = Vec::with_capacity(request.continuations.len());
        for continuation in &request.continuations {
            let mut tokens = request.context.clone();
            tokens.extend_from_slice(&continuation.prefix);
            let (mut node, cost) = cache.walk(root, &continuation.prefix);
            usage.computed += cost.computed;
            let room = self.info.context - tokens.len();
            let mut progress = Progress::new(continuation, room, request.want_distributions);
            while !progress.done() {
                let now = self.distribution(&tokens);
                let next = progress.step(&mut sampler, now.values(), Some(now.clone()), |token| {
                    (self.token_bytes(token), self.info.end_tokens.contains(&token))
                });
                if let Some(token) = next {
                    tokens.push(token);
                    let (deeper, cost) = cache.walk(node, &[token]);
                    node = deeper;
                    usage.computed += cost.computed;
                }
            }
            samples.push(progress.finish());
        }
        self.computed.fetch_add(usage.computed, Ordering::SeqCst);
        Ok((samples, usage))
    }
}

impl LanguageModel for ScriptedModel {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn encode(&self, text: &str, how: Encode) -> Result<Vec<TokenId>, ModelError> {
        self.encode_now(text, how)
    }

    fn token_bytes(&self, token: TokenId) -> &[u8] {
        self.vocab.get(token as usize).map_or(&[], Vec::as_slice)
    }

    fn score(&self, request: ScoreRequest) -> BoxFuture<'_, Result<ScoreReply, ModelError>> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        Box::pin(ready(self.score_now(&request)))
    }

    fn sample(&self, request: SampleRequest) -> BoxFuture<'_, Result<(Vec<Sample>, Usage), ModelError>> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        Box::pin(ready(self.sample_now(&request)))
    }

    fn score_all(&self, requests: Vec<ScoreRequest>) -> BoxFuture<'_, Result<Vec<ScoreReply>, ModelError>> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        Box::pin(ready(requests.iter().map(|request| self.score_now(request)).collect()))
    }
}

impl fmt::Debug for ScriptedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedModel").field("info", &self.info).finish_non_exhaustive()
    }
}

/// Every prefix that was ever computed; node 0 is the empty one.
#[derive(Default)]
struct PrefixTree {
    children: HashMap<(usize, TokenId), usize>,
}

impl PrefixTree {
    /// Goes down from a node along tokens, adding what is missing; counts what was there and what was added.
    fn walk(&mut self, mut node: usize, tokens: &[TokenId]) -> (usize, Usage) {
        let mut usage = Usage::default();
        for token in tokens {
            let fresh = self.children.len() + 1;
            let child = *self.children.entry((node, *token)).or_insert(fresh);
            if child == fresh {
                usage.computed += 1;
            } else {
                usage.cached += 1;
            }
            node = child;
        }
        (node, usage)
    }
}
