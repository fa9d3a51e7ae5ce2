//! Drawing the completions of a request, whole or in portions. A draw depends on its seed and its place alone, so portions
//! give the tokens that one request would have given; streams and large lists of log-probabilities are made of them.

use std::collections::HashMap;
use std::sync::Arc;

use egcfg_model::{
    Continuation, HeldText, LanguageModel, LogProbs, SampleRequest, StopReason, StopRule, TokenId,
};
use futures::future::try_join_all;

use crate::error::ApiError;
use crate::rows::{Row, Wanted};

/// Numbers of whole distributions that are held at the same time (128 MiB).
pub(crate) const HELD: usize = 32 << 20;

/// What all completions of a request share.
#[derive(Debug, Clone)]
pub(crate) struct Params {
    pub(crate) temperature: f64,
    pub(crate) top_p: f64,
    pub(crate) stops: Vec<String>,
    /// The lists wanted along the completion, if any.
    pub(crate) wanted: Option<Wanted>,
    /// The stop text stays in the completion's text.
    pub(crate) include_stop: bool,
}

/// One completion while it grows.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    /// Index of its prompt.
    pub(crate) prompt: usize,
    /// What stands before it.
    pub(crate) context: Vec<TokenId>,
    /// Tokens at the prompt's end that count as its own.
    pub(crate) standing: Vec<TokenId>,
    pub(crate) seed: u64,
    /// It ends after so many newlines.
    pub(crate) newlines: Option<usize>,
    pub(crate) max_tokens: usize,
    pub(crate) tokens: Vec<TokenId>,
    pub(crate) log_probs: Vec<f32>,
    pub(crate) rows: Vec<Row>,
    /// Its text, and what stands before it that a stop text may straddle.
    pub(crate) text: HeldText,
    pub(crate) end: Option<StopReason>,
}

impl Lane {
    /// A completion of a prompt.
    pub(crate) fn new(prompt: usize, context: Vec<TokenId>, seed: u64, max_tokens: usize) -> Self {
        Self {
            prompt,
            context,
            standing: Vec::new(),
            seed,
            newlines: None,
            max_tokens,
            tokens: Vec::new(),
            log_probs: Vec::new(),
            rows: Vec::new(),
            text: HeldText::default(),
            end: (max_tokens == 0).then_some(StopReason::Length),
        }
    }

    /// Takes a token whose distribution is known.
    pub(crate) fn force(&mut self, model: &dyn LanguageModel, params: &Params, row: &LogProbs) {
        let token = row.argmax();
        self.take(model, params, token, row.get(token), Some(row));
        if self.end.is_none() {
            self.end = self.ended(model, token);
        }
    }

    fn take(
        &mut self,
        model: &dyn LanguageModel,
        params: &Params,
        token: TokenId,
        log_prob: f32,
        row: Option<&LogProbs>,
    ) {
        self.tokens.push(token);
        self.log_probs.push(log_prob);
        if let (Some(wanted), Some(row)) = (&params.wanted, row) {
            self.rows.push(Row::of(row, token, wanted));
        }
        self.text.push(model.token_bytes(token), &params.stops);
    }

    fn ended(&self, model: &dyn LanguageModel, token: TokenId) -> Option<StopReason> {
        if model.info().end_tokens.contains(&token) {
            Some(StopReason::EndOfText)
        } else if self.stopped_by().is_some() {
            Some(StopReason::Text)
        } else if self.newlines.is_some_and(|most| self.text.newlines() >= most) {
            Some(StopReason::Newlines)
        } else {
            (self.tokens.len() >= self.max_tokens).then_some(StopReason::Length)
        }
    }

    /// The stop text that ended it.
    pub(crate) fn stopped_by(&self) -> Option<&str> {
        self.text.stopped_by()
    }

    /// Length in bytes of the text as the client sees it so far.
    pub(crate) fn visible(&self, params: &Params) -> usize {
        self.text.visible(&params.stops, self.end.is_some(), params.include_stop)
    }

    /// The text as the client sees it.
    pub(crate) fn shown(&self, params: &Params) -> String {
        String::from_utf8_lossy(&self.text.bytes()[..self.visible(params)]).into_owned()
    }

    /// OpenAI's reason for the end.
    pub(crate) fn finish_reason(&self) -> Option<&'static str> {
        self.end.map(|end| match end {
            StopReason::Length => "length",
            _ => "stop",
        })
    }

    /// The continuation of what stands already, by at most `portion` tokens.
    fn ask(&self, params: &Params, portion: usize) -> Continuation {
        Continuation {
            prefix: [self.standing.as_slice(), &self.tokens].concat(),
            tail: self.text.tail(&params.stops),
            seed: self.seed,
            stop: StopRule {
                max_tokens: portion.min(self.max_tokens - self.tokens.len()),
                newlines: self.newlines.map(|most| most.saturating_sub(self.text.newlines())),
                texts: params.stops.clone(),
            },
        }
    }
}

/// The completions of a request.
pub(crate) struct Drawing {
    pub(crate) model: Arc<dyn LanguageModel>,
    pub(crate) params: Params,
    pub(crate) lanes: Vec<Lane>,
    /// Prompt tokens that were cached when the first portion was drawn.
    pub(crate) cached: usize,
    pub(crate) begun: bool,
}

impl Drawing {
    pub(crate) fn new(model: Arc<dyn LanguageModel>, params: Params, lanes: Vec<Lane>) -> Self {
        Self { model, params, lanes, cached: 0, begun: false }
    }

    pub(crate) fn done(&self) -> bool {
        self.lanes.iter().all(|lane| lane.end.is_some())
    }

    /// Draws every completion to its end.
    pub(crate) async fn finish(&mut self) -> Result<(), ApiError> {
        while !self.done() {
            self.advance(usize::MAX).await?;
        }
        Ok(())
    }

    /// Draws at most `portion` more tokens of every open completion; fewer where whole distributions would take too much
    /// memory.
    pub(crate) async fn advance(&mut self, portion: usize) -> Result<(), ApiError> {
        let open: Vec<usize> = (0..self.lanes.len()).filter(|at| self.lanes[*at].end.is_none()).collect();
        let portion = match &self.params.wanted {
            Some(_) => portion.min((HELD / (self.model.info().vocab.max(1) * open.len().max(1))).max(1)),
            None => portion,
        };
        let mut groups: HashMap<&[TokenId], Vec<usize>> = HashMap::new();
        for at in &open {
            groups.entry(self.lanes[*at].context.as_slice()).or_default().push(*at);
        }
        let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
        groups.sort_unstable();
        let requests = groups.iter().map(|members| {
            self.model.sample(SampleRequest {
                context: self.lanes[members[0]].context.clone(),
                continuations: members.iter().map(|at| self.lanes[*at].ask(&self.params, portion)).collect(),
                temperature: self.params.temperature,
                top_p: self.params.top_p,
                want_distributions: self.params.wanted.is_some(),
            })
        });
        let replies = try_join_all(requests).await?;
        for (members, (samples, usage)) in groups.iter().zip(replies) {
            if !self.begun {
                self.cached += usage.cached;
            }
            for (at, sample) in members.iter().zip(samples) {
                let lane = &mut self.lanes[*at];
                for (index, token) in sample.tokens.iter().enumerate() {
                    let log_prob = sample.log_probs.get(index).copied().unwrap_or(f32::NEG_INFINITY);
                    lane.take(&*self.model, &self.params, *token, log_prob, sample.distributions.get(index));
                    // A stop text may straddle two portions inside a character; the model saw no whole text then.
                    lane.end = lane.ended(&*self.model, *token);
                    if lane.end.is_some() {
                        break;
                    }
                }
                // An end by length that is not the portion's is the context's.
                let cut = sample.stop == StopReason::Length && sample.tokens.len() < portion;
                if lane.end.is_none() && (cut || sample.stop != StopReason::Length) {
                    lane.end = Some(sample.stop);
                }
            }
        }
        self.begun = true;
        Ok(())
    }
}
