//! Drawing the candidates of a refresh: those that go on as the answer does are kept and lengthened, the others drawn anew.

use std::sync::Arc;

use egcfg_model::{Continuation, Sample, SampleRequest, StopReason, StopRule, TokenId, Usage};
use egcfg_task::{Horizon, derive_seed};

use crate::candidate::Candidate;
use crate::code::last_bytes;
use crate::error::GuidanceError;
use crate::event::{CandidateEvent, Event};
use crate::generate::Run;

impl Run<'_> {
    /// Fills the pool: candidates that begin with the answer are kept (under `reuse`) and lengthened to the horizon, the
    /// others are drawn anew.
    pub(crate) async fn draw(&mut self) -> Result<(), GuidanceError> {
        let slots = self.settings.config.candidates as usize;
        let mut pool: Vec<Candidate> = Vec::with_capacity(slots);
        if self.settings.config.switches.reuse {
            let alive =
                self.candidates.pool.iter().filter(|c| c.begins_with(&self.answer.tokens)).take(slots);
            pool.extend(alive.map(|c| Candidate::clone(c)));
        }
        let kept = pool.len();
        for slot in kept..slots {
            pool.push(self.blank(self.seed("plain", slot)));
        }
        let reused: Vec<usize> = pool.iter().map(|c| self.drawn(c)).collect();
        let usage = self.lengthen(&mut pool, self.streams.plain.clone()).await?;
        let candidates = self.describe(&pool, &reused);
        self.candidates.pool = pool.into_iter().map(Arc::new).collect();
        self.emit(&Event::Candidates { guided: false, candidates, usage });
        Ok(())
    }

    /// A candidate of which nothing is drawn yet.
    pub(crate) fn blank(&mut self, seed: u64) -> Candidate {
        let id = self.candidates.next_id;
        self.candidates.next_id += 1;
        let tokens = self.answer.tokens.clone();
        Candidate {
            id,
            seed,
            first_row: tokens.len(),
            tokens,
            rows: Vec::new(),
            end_token: None,
            finished: false,
        }
    }

    /// The seed of a slot's draws: it depends on the configuration, the task and the retry, not on gamma or the order of a run.
    pub(crate) fn seed(&self, stream: &str, slot: usize) -> u64 {
        let config = self.settings.config.to_string();
        let (retry, refresh, slot) =
            (self.settings.retry.to_string(), self.signal.refreshes.to_string(), slot.to_string());
        derive_seed(self.settings.seed, &[&config, &self.session.task.id, &retry, stream, &refresh, &slot])
    }

    /// Samples every candidate to the horizon, all in one request.
    pub(crate) async fn lengthen(
        &self,
        pool: &mut [Candidate],
        context: Vec<TokenId>,
    ) -> Result<Usage, GuidanceError> {
        let ends = &self.session.template.end;
        let longest = ends.iter().map(String::len).max().unwrap_or(1);
        let mut open = Vec::new();
        let mut continuations = Vec::new();
        // What is left is divided among those that may want it, so that together they stay within it.
        let share = if self.left() == usize::MAX { usize::MAX } else { self.left() / pool.len().max(1) };
        for (index, candidate) in pool.iter().enumerate() {
            let own = &candidate.tokens[self.answer.tokens.len()..];
            let newlines =
                own.iter().flat_map(|t| self.session.model.token_bytes(*t)).filter(|b| **b == b'\n').count();
            let horizon = match self.settings.config.horizon {
                Horizon::Infinite => None,
                Horizon::Lines(lines) => Some(lines as usize),
            };
            let max_tokens = self.max_new.saturating_sub(candidate.tokens.len()).min(share);
            if candidate.finished || max_tokens == 0 || horizon.is_some_and(|lines| newlines >= lines) {
                continue;
            }
            let text = self.answer.code_with(self.session.model, own);
            open.push(index);
            continuations.push(Continuation {
                prefix: candidate.tokens.clone(),
                tail: last_bytes(&text, longest.saturating_sub(1)).to_owned(),
                seed: candidate.seed,
                stop: StopRule {
                    max_tokens,
                    newlines: horizon.map(|lines| lines - newlines),
                    texts: ends.clone(),
                },
            });
        }
        if continuations.is_empty() {
            return Ok(Usage::default());
        }
        let (samples, usage) = self
            .session
            .model
            .sample(SampleRequest {
                context,
                continuations,
                temperature: self.settings.config.temperature.get(),
                top_p: self.settings.top_p,
                want_distributions: true,
            })
            .await?;
        for (index, sample) in open.into_iter().zip(samples) {
            append(&mut pool[index], sample, &self.session.model.info().end_tokens);
        }
        Ok(usage)
    }

    /// Tokens of a candidate's continuation, the one that ended it included.
    pub(crate) fn drawn(&self, candidate: &Candidate) -> usize {
        candidate.tokens.len() - self.answer.tokens.len() + usize::from(candidate.end_token.is_some())
    }

    pub(crate) fn describe(&self, pool: &[Candidate], reused: &[usize]) -> Vec<CandidateEvent> {
        let from = self.answer.tokens.len();
        let mut texts = Vec::new();
        pool.iter()
            .zip(reused)
            .map(|(candidate, reused)| {
                let own = &candidate.tokens[from..];
                let bytes: Vec<u8> =
                    own.iter().flat_map(|t| self.session.model.token_bytes(*t)).copied().collect();
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let distinct = !texts.contains(&text);
                texts.push(text.clone());
                let new_tokens = self.drawn(candidate) - reused;
                CandidateEvent {
                    id: candidate.id,
                    text,
                    finished: candidate.finished,
                    new_tokens,
                    reused_tokens: *reused,
                    distinct,
                }
            })
            .collect()
    }
}

/// Appends what was sampled to a candidate.
fn append(candidate: &mut Candidate, sample: Sample, end_tokens: &[TokenId]) {
    candidate.finished = matches!(sample.stop, StopReason::EndOfText | StopReason::Text);
    let mut tokens = sample.tokens;
    if sample.stop == StopReason::EndOfText && tokens.last().is_some_and(|t| end_tokens.contains(t)) {
        candidate.end_token = tokens.pop();
    }
    candidate.tokens.extend(tokens);
    candidate.rows.extend(sample.distributions);
}
