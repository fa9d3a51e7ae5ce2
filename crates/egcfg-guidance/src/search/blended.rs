//! The blend of two streams as a model of its own: what a tree grows by when runs stand in the second prompt. Its context is the
//! guided prompt; behind every request stands the same one below the plain prompt, and the two distributions become
//! `P^(1-gamma) Pg^gamma` by the rule of [`crate::blend`]. A token costs one scored token in each stream.

use egcfg_model::{
    Encode, LanguageModel, LogProbs, ModelError, ModelInfo, Sample, SampleRequest, ScoreReply, ScoreRequest,
    StopReason, TokenId, Usage, uniform,
};
use futures::future::BoxFuture;

use crate::blend::weight;
use crate::tree::Shape;

/// A model whose distributions are the blend of two prompts.
pub(super) struct Blended<'a> {
    pub(super) model: &'a dyn LanguageModel,
    /// Tokens of the plain prompt, and of the one with the runs in it.
    pub(super) plain: Vec<TokenId>,
    pub(super) guided: Vec<TokenId>,
    pub(super) gamma: f64,
}

impl Blended<'_> {
    /// The blend of two distributions, normalised over the tokens that both know; a list stays a list.
    fn blend(&self, plain: &LogProbs, guided: &LogProbs) -> LogProbs {
        let whole = !plain.is_sparse() && !guided.is_sparse();
        let weights: Vec<(TokenId, f64)> = if whole {
            let both = plain.values().iter().zip(guided.values()).enumerate();
            both.map(|(id, (p, g))| (id as TokenId, weight(*p, *g, self.gamma))).collect()
        } else {
            let known = guided.entries().filter_map(|(id, g)| Some((id, plain.known(id)?, g)));
            known.map(|(id, p, g)| (id, weight(p, g, self.gamma))).collect()
        };
        let top = weights.iter().map(|(_, weight)| *weight).fold(f64::NEG_INFINITY, f64::max);
        if top == f64::NEG_INFINITY {
            return guided.clone();
        }
        let sum = top + weights.iter().map(|(_, weight)| (weight - top).exp()).sum::<f64>().ln();
        let entries = weights.into_iter().map(|(id, weight)| (id, (weight - sum) as f32));
        if whole {
            LogProbs::from_log_probs(entries.map(|(_, value)| value).collect::<Vec<f32>>())
        } else {
            LogProbs::from_top(entries)
        }
    }

    /// A request below the guided prompt as the same one below the plain prompt.
    fn below_plain(&self, context: &[TokenId]) -> Result<Vec<TokenId>, ModelError> {
        let answer = context.strip_prefix(self.guided.as_slice());
        let answer =
            answer.ok_or_else(|| ModelError::BadRequest("not below the guided prompt".to_owned()))?;
        Ok([self.plain.as_slice(), answer].concat())
    }

    /// The blend after each of these contexts, all in one call.
    async fn next(&self, contexts: &[Vec<TokenId>]) -> Result<(Vec<LogProbs>, Usage), ModelError> {
        let request = |context: Vec<TokenId>| ScoreRequest { context, drafts: Vec::new() };
        let mut requests: Vec<ScoreRequest> = contexts.iter().cloned().map(request).collect();
        for context in contexts {
            requests.push(request(self.below_plain(context)?));
        }
        let replies = self.model.score_all(requests).await?;
        let mut usage = Usage::default();
        for reply in &replies {
            usage += reply.usage;
        }
        let (guided, plain) = replies.split_at(contexts.len().min(replies.len()));
        Ok((guided.iter().zip(plain).map(|(g, p)| self.blend(&p.next, &g.next)).collect(), usage))
    }

    async fn write(&self, request: SampleRequest) -> Result<(Vec<Sample>, Usage), ModelError> {
        let shape = Shape { temperature: request.temperature, top_p: request.top_p };
        let mut usage = Usage::default();
        let mut paths: Vec<Path<'_>> = request.continuations.iter().map(Path::new).collect();
        loop {
            let open: Vec<usize> = (0..paths.len()).filter(|at| paths[*at].stop.is_none()).collect();
            if open.is_empty() {
                break;
            }
            let contexts: Vec<Vec<TokenId>> =
                open.iter().map(|at| [request.context.as_slice(), &paths[*at].tokens].concat()).collect();
            let (rows, cost) = self.next(&contexts).await?;
            usage += cost;
            for (at, row) in open.into_iter().zip(rows) {
                let path = &mut paths[at];
                let token = draw(shape, &row, path.from.seed, path.tokens.len() as u64);
                let ends = self.info().end_tokens.contains(&token);
                path.take(token, &row, self.model.token_bytes(token), ends, request.want_distributions);
            }
        }
        Ok((paths.into_iter().map(Path::sample).collect(), usage))
    }
}

/// The most probable token at temperature 0, else the one that the random number for this index falls on.
fn draw(shape: Shape, distribution: &LogProbs, seed: u64, index: u64) -> TokenId {
    if shape.temperature == 0.0 {
        return distribution.argmax();
    }
    let row = shape.row(distribution);
    let mut left = uniform(seed, index);
    let drawn = row.entries.iter().find(|entry| {
        left -= entry.share;
        left < 0.0
    });
    drawn.or(row.entries.last()).map_or_else(|| distribution.argmax(), |entry| entry.token)
}

/// A continuation on its way.
struct Path<'a> {
    from: &'a egcfg_model::Continuation,
    tokens: Vec<TokenId>,
    rows: Vec<LogProbs>,
    log_probs: Vec<f32>,
    /// Bytes in which a stop text is looked for.
    text: Vec<u8>,
    lines: usize,
    stop: Option<StopReason>,
}

impl<'a> Path<'a> {
    fn new(from: &'a egcfg_model::Continuation) -> Self {
        let stop = (from.stop.max_tokens == 0).then_some(StopReason::Length);
        let (tokens, text) = (from.prefix.clone(), from.tail.clone().into_bytes());
        Self { from, tokens, rows: Vec::new(), log_probs: Vec::new(), text, lines: 0, stop }
    }

    fn take(&mut self, token: TokenId, row: &LogProbs, bytes: &[u8], ends: bool, keep: bool) {
        let rule = &self.from.stop;
        self.log_probs.push(row.get(token));
        if keep {
            self.rows.push(row.clone());
        }
        self.tokens.push(token);
        let before = self.text.len();
        self.text.extend_from_slice(bytes);
        self.lines += bytes.iter().filter(|byte| **byte == b'\n').count();
        // A text that lay in the tail whole does not count.
        let found = |text: &String| {
            let from = (before + 1).saturating_sub(text.len());
            !text.is_empty() && self.text[from..].windows(text.len()).any(|own| own == text.as_bytes())
        };
        self.stop = if ends {
            Some(StopReason::EndOfText)
        } else if rule.texts.iter().any(found) {
            Some(StopReason::Text)
        } else if rule.newlines.is_some_and(|most| self.lines >= most) {
            Some(StopReason::Newlines)
        } else {
            (self.log_probs.len() >= rule.max_tokens).then_some(StopReason::Length)
        };
    }

    fn sample(self) -> Sample {
        Sample {
            tokens: self.tokens[self.from.prefix.len()..].to_vec(),
            distributions: self.rows,
            log_probs: self.log_probs,
            stop: self.stop.unwrap_or(StopReason::Length),
        }
    }
}

impl LanguageModel for Blended<'_> {
    fn info(&self) -> &ModelInfo {
        self.model.info()
    }

    fn encode(&self, text: &str, how: Encode) -> Result<Vec<TokenId>, ModelError> {
        self.model.encode(text, how)
    }

    fn token_bytes(&self, token: TokenId) -> &[u8] {
        self.model.token_bytes(token)
    }

    fn score(&self, request: ScoreRequest) -> BoxFuture<'_, Result<ScoreReply, ModelError>> {
        Box::pin(async move {
            let plain =
                ScoreRequest { context: self.below_plain(&request.context)?, drafts: request.drafts.clone() };
            let replies = self.model.score_all(vec![request, plain]).await?;
            let [guided, plain] = replies.as_slice() else {
                return Err(ModelError::BadRequest("two requests did not get two replies".to_owned()));
            };
            let along = |(g, p): (&Vec<LogProbs>, &Vec<LogProbs>)| {
                g.iter().zip(p).map(|(g, p)| self.blend(p, g)).collect::<Vec<LogProbs>>()
            };
            let mut usage = guided.usage;
            usage += plain.usage;
            let after = guided.after.iter().zip(&plain.after).map(along).collect();
            Ok(ScoreReply { next: self.blend(&plain.next, &guided.next), after, usage })
        })
    }

    fn sample(&self, request: SampleRequest) -> BoxFuture<'_, Result<(Vec<Sample>, Usage), ModelError>> {
        Box::pin(self.write(request))
    }
}

#[cfg(test)]
mod tests {
    use egcfg_model::{Continuation, ScriptedModel, StopRule};

    use super::*;

    fn model() -> ScriptedModel {
        let vocab: Vec<String> = ["", "a", "b", "c", "\n"].map(str::to_owned).to_vec();
        ScriptedModel::hashed(&vocab, 5)
    }

    fn request(context: &[TokenId], seed: u64, temperature: f64) -> SampleRequest {
        let stop = StopRule { max_tokens: 12, newlines: None, texts: vec!["ab".into()] };
        let one = Continuation { prefix: vec![3], tail: "c".into(), seed, stop };
        let continuations = vec![one];
        let context = context.to_vec();
        SampleRequest { context, continuations, temperature, top_p: 0.9, want_distributions: true }
    }

    #[test]
    fn at_gamma_one_and_zero_it_is_one_of_the_two_models() {
        let model = model();
        let (plain, guided) = (vec![1, 2], vec![2, 3, 1]);
        for (gamma, own) in [(1.0, &guided), (0.0, &plain)] {
            let blended = Blended { model: &model, plain: plain.clone(), guided: guided.clone(), gamma };
            for seed in 0..30 {
                for temperature in [0.0, 1.0] {
                    let ask = futures::executor::block_on;
                    let (ours, _) = ask(blended.sample(request(&guided, seed, temperature))).unwrap();
                    let (theirs, _) = ask(model.sample(request(own, seed, temperature))).unwrap();
                    assert_eq!(
                        (&ours[0].tokens, ours[0].stop),
                        (&theirs[0].tokens, theirs[0].stop),
                        "{gamma}"
                    );
                    let near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-3;
                    assert!(ours[0].log_probs.iter().zip(&theirs[0].log_probs).all(near), "{gamma}");
                }
            }
        }
    }

    #[test]
    fn between_them_it_is_the_geometric_mean() {
        let model = model();
        let (plain, guided) = (vec![1, 2], vec![2, 3, 1]);
        let blended = Blended { model: &model, plain: plain.clone(), guided: guided.clone(), gamma: 0.5 };
        let reply = futures::executor::block_on(
            blended.score(ScoreRequest { context: guided.clone(), drafts: vec![vec![1]] }),
        )
        .unwrap();
        let (p, g) = (model.distribution(&plain), model.distribution(&guided));
        let mean: Vec<f64> = p
            .values()
            .iter()
            .zip(g.values())
            .map(|(p, g)| f64::from(p + g).mul_add(0.5, 0.0).exp())
            .collect();
        let total: f64 = mean.iter().sum();
        for (value, mean) in reply.next.values().iter().zip(&mean) {
            assert!((f64::from(*value).exp() - mean / total).abs() < 1e-5);
        }
        assert_eq!(reply.after.len(), 1);
        let refused =
            futures::executor::block_on(blended.score(ScoreRequest { context: plain, drafts: Vec::new() }));
        assert!(matches!(refused, Err(ModelError::BadRequest(_))));
    }
}
