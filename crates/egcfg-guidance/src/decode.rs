//! Decoding between two refreshes. Drafted: every candidate that begins with the answer is a draft of what comes next, with
//! its plain distributions known from sampling; one forward of the guided stream along all drafts decides as many tokens as
//! agree with one of them, and one more. One-step: a forward per token. Greedy choice makes both pick the same tokens.

use egcfg_model::{LogProbs, ScoreReply, ScoreRequest, TokenId, TokensRequest};

use crate::blend::decide;
use crate::error::GuidanceError;
use crate::event::{Event, Stop};
use crate::generate::{Decision, Run};
use crate::heads::heads;
use crate::settings::Schedule;

/// Drafts verified in one forward at most; more would cost more than they can save.
const MOST_DRAFTS: usize = 8;

impl Run<'_> {
    /// One engine call, and all the tokens that it decides.
    pub(crate) async fn advance(&mut self) -> Result<Option<Stop>, GuidanceError> {
        let drafts = self.drafts();
        let index = self.answer.tokens.len();
        let gamma = self.settings.gamma;
        let needs_plain = (self.streams.guided.is_none() || (gamma - 1.0).abs() > f64::EPSILON)
            && (self.settings.schedule == Schedule::OneStep || self.known_plain(index).is_none());
        let (guided, mut plain_next) = self.forward(&drafts, needs_plain).await?;
        let mut alive: Vec<usize> = (0..drafts.len()).collect();
        let mut row = guided.as_ref().map(|reply| reply.next.clone());
        for depth in 0.. {
            let plain = plain_next.take().or_else(|| self.known_plain(self.answer.tokens.len()));
            if plain.is_none() && needs_plain_row(self.streams.guided.is_some(), gamma) {
                break;
            }
            let (plain, row_now) = self.settle(plain, row.take()).await?;
            row = row_now;
            let Some(choice) = decide(plain.as_ref(), row.as_ref(), gamma) else { break };
            let (token, log_prob) = (choice.token, choice.log_prob);
            if choice.truncated() {
                let index = self.answer.tokens.len();
                self.emit(&Event::SupportTruncated {
                    index,
                    unsure: choice.unsure.len(),
                    beyond: choice.beyond,
                });
            }
            let alone = plain.as_ref().map(LogProbs::argmax);
            let instead_of = alone.filter(|alone| row.is_some() && *alone != token);
            let heads = if self.session.events.wants_heads() {
                heads(self.session.model, plain.as_ref(), row.as_ref(), gamma, (token, log_prob))
            } else {
                Vec::new()
            };
            let decision = Decision {
                token,
                plain: plain.as_ref().map(|p| p.get(token)),
                guided: row.as_ref().map(|g| g.get(token)),
                instead_of,
                heads,
            };
            if let Some(stop) = self.accept(decision) {
                return Ok(Some(stop));
            }
            if self.refresh_due() {
                break;
            }
            alive.retain(|number| drafts[*number].get(depth) == Some(&token));
            let Some(first) = alive.first().copied() else { break };
            if let Some(reply) = &guided {
                let along = reply.after.get(first).ok_or_else(|| {
                    GuidanceError::Broken(format!("a reply for {} drafts has no draft {first}", drafts.len()))
                })?;
                let Some(next) = along.get(depth) else { break };
                row = Some(next.clone());
            }
        }
        Ok(None)
    }

    /// Lists that leave the choice open are completed where the model can be asked: once for the tokens that one list holds and
    /// the other does not.
    async fn settle(
        &mut self,
        plain: Option<LogProbs>,
        guided: Option<LogProbs>,
    ) -> Result<(Option<LogProbs>, Option<LogProbs>), GuidanceError> {
        let (Some(p), Some(g)) = (&plain, &guided) else { return Ok((plain, guided)) };
        if !p.is_sparse() && !g.is_sparse() {
            return Ok((plain, guided));
        }
        let unsure =
            decide(Some(p), Some(g), self.settings.gamma).map(|choice| choice.unsure).unwrap_or_default();
        let Some(prompt) = self.streams.guided.as_ref().filter(|_| !unsure.is_empty()) else {
            return Ok((plain, guided));
        };
        let missing = |list: &LogProbs| -> Vec<TokenId> {
            unsure.iter().copied().filter(|token| list.known(*token).is_none()).collect()
        };
        let (without_p, without_g) = (missing(p), missing(g));
        let asked: Vec<TokensRequest> = [(&self.streams.plain, without_p), (prompt, without_g)]
            .into_iter()
            .map(|(prompt, tokens)| TokensRequest {
                context: [prompt.as_slice(), &self.answer.tokens].concat(),
                tokens,
            })
            .collect();
        let needed: Vec<TokensRequest> = asked.iter().filter(|r| !r.tokens.is_empty()).cloned().collect();
        let Some((known, usage)) = self.session.model.known_log_probs(needed).await? else {
            return Ok((plain, guided));
        };
        let mut known = known.into_iter();
        let mut complete = |list: &LogProbs, request: &TokensRequest| {
            let more = if request.tokens.is_empty() { None } else { known.next() };
            more.map_or_else(|| list.clone(), |more| list.with_known(more.entries()))
        };
        let (p, g) = (complete(p, &asked[0]), complete(g, &asked[1]));
        self.emit(&Event::Asked { tokens: unsure.len(), usage });
        Ok((Some(p), Some(g)))
    }

    /// The plain distribution before the answer token at `index`, if a candidate that begins with the answer was sampled over it.
    fn known_plain(&self, index: usize) -> Option<LogProbs> {
        if self.settings.schedule == Schedule::OneStep {
            return None;
        }
        let pool = self.candidates.pool.iter().chain(self.candidates.seen.iter().map(|e| &e.candidate));
        pool.filter(|c| c.begins_with(&self.answer.tokens[..index])).find_map(|c| c.row(index).cloned())
    }

    /// What to verify: distinct continuations of the answer, each up to the next refresh.
    fn drafts(&self) -> Vec<Vec<TokenId>> {
        let mut drafts: Vec<Vec<TokenId>> = Vec::new();
        if self.settings.schedule == Schedule::OneStep
            || self.settings.config.strategy == egcfg_task::Strategy::Token
        {
            return drafts;
        }
        let accepted = &self.answer.tokens;
        for candidate in
            self.candidates.pool.iter().chain(self.candidates.seen.iter().rev().map(|e| &e.candidate))
        {
            if drafts.len() == MOST_DRAFTS || !candidate.begins_with(accepted) {
                continue;
            }
            let mut draft = candidate.draft(accepted.len());
            draft.truncate(self.until_refresh(&draft));
            draft.truncate(self.max_new - accepted.len());
            // The distribution after the last token before a refresh is never used.
            if !draft.is_empty() && !drafts.contains(&draft) {
                drafts.push(draft);
            }
        }
        drafts
    }

    /// How many of these tokens can be decided before the next refresh: all up to the one that completes the interval, which
    /// itself need not be computed, since what follows it is not asked for.
    fn until_refresh(&self, draft: &[TokenId]) -> usize {
        if self.settings.config.strategy != egcfg_task::Strategy::Line {
            return draft.len();
        }
        let every = self.settings.config.every.max(1) as usize;
        let mut lines = self.answer.lines();
        for (index, token) in draft.iter().enumerate() {
            lines += self.session.model.token_bytes(*token).iter().filter(|b| **b == b'\n').count();
            if Some(lines / every) != self.signal.refreshed_at {
                return index;
            }
        }
        draft.len()
    }

    /// One engine call with the guided stream along the drafts and, where it is needed, the plain stream.
    async fn forward(
        &mut self,
        drafts: &[Vec<TokenId>],
        needs_plain: bool,
    ) -> Result<(Option<ScoreReply>, Option<LogProbs>), GuidanceError> {
        let request = |prompt: &[TokenId], drafts: &[Vec<TokenId>]| ScoreRequest {
            context: [prompt, &self.answer.tokens].concat(),
            drafts: drafts.to_vec(),
        };
        let mut requests = Vec::new();
        if let Some(prompt) = &self.streams.guided {
            // gamma = 0 never comes here; every other gamma needs the guided stream.
            requests.push(request(prompt, drafts));
        }
        if needs_plain {
            requests.push(request(&self.streams.plain, &[]));
        }
        if requests.is_empty() {
            return Ok((None, None));
        }
        let mut replies = self.session.model.score_all(requests).await?.into_iter();
        let guided = if self.streams.guided.is_some() { replies.next() } else { None };
        let plain = replies.next();
        let mut usage = egcfg_model::Usage::default();
        for reply in guided.iter().chain(&plain) {
            usage += reply.usage;
        }
        self.emit(&Event::Forward { guided: guided.is_some(), drafts: drafts.len(), usage });
        Ok((guided, plain.map(|reply| reply.next)))
    }
}

/// Whether a token cannot be chosen without the plain distribution.
fn needs_plain_row(has_guided: bool, gamma: f64) -> bool {
    !has_guided || (gamma - 1.0).abs() > f64::EPSILON
}
