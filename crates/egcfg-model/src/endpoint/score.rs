//! Distributions along drafts in as few requests as the dialect allows. Where the server scores prompts, one prompt per draft
//! holds context and draft, and the distributions at its last positions are the answer. Elsewhere every prefix of a draft
//! is a prompt of its own with one token to generate, all in one request; the server's prefix cache makes that cheap.

use std::collections::HashMap;

use futures::future::try_join_all;

use crate::api::{KnownReply, ScoreReply, ScoreRequest, TokenId, TokensRequest, Usage};
use crate::dist::LogProbs;
use crate::endpoint::ask::{Answer, Ask, Finish};
use crate::endpoint::model::Inner;
use crate::error::ModelError;

impl Inner {
    /// Scores all requests together.
    pub(crate) async fn score_now(&self, requests: &[ScoreRequest]) -> Result<Vec<ScoreReply>, ModelError> {
        let mut plan = Plan::default();
        for request in requests {
            if self.caps.prompt_logprobs {
                plan.add_whole(request);
            } else {
                plan.add_steps(request);
            }
        }
        let ask = Ask {
            prompts: plan.prompts.clone(),
            prompt_from: plan.from.clone(),
            n: 1,
            max_tokens: 1,
            // At 1, tempered numbers are plain ones.
            temperature: if self.caps.tempered { 1.0 } else { 0.0 },
            top_p: 1.0,
            top: self.caps.top,
            vocab: self.caps.vocab,
            ..Ask::default()
        };
        let (answer, mut usage) = self.complete(ask).await?;
        let rows = self.rows(&plan, answer)?;
        let mut replies = Vec::with_capacity(requests.len());
        for request in requests {
            let row = |tail: &[TokenId]| -> Result<LogProbs, ModelError> {
                let key = [request.context.as_slice(), tail].concat();
                rows.get(&key)
                    .cloned()
                    .ok_or_else(|| self.transport.bad("a position was not scored", String::new()))
            };
            let next = row(&[])?;
            let mut after = Vec::with_capacity(request.drafts.len());
            for draft in &request.drafts {
                after.push((1..=draft.len()).map(|len| row(&draft[..len])).collect::<Result<_, _>>()?);
            }
            // What the requests cost together is told once.
            replies.push(ScoreReply { next, after, usage: std::mem::take(&mut usage) });
        }
        Ok(replies)
    }

    /// Distribution by the tokens that precede it.
    fn rows(&self, plan: &Plan, answer: Answer) -> Result<HashMap<Vec<TokenId>, LogProbs>, ModelError> {
        let mut rows = HashMap::new();
        for (index, (prompt, choice)) in plan.prompts.iter().zip(answer.choices).enumerate() {
            if let Some(from) = plan.from.get(index) {
                for (at, row) in choice.prompt_rows.into_iter().enumerate() {
                    rows.insert(prompt[..from + at].to_vec(), row);
                }
            }
            // A text that ends here may come back without a token: all that is known then is what won.
            let ended = (choice.finish == Finish::Stop).then(|| self.info.end_tokens.first()).flatten();
            let ended = ended.map(|end| LogProbs::from_top([(*end, 0.0)]));
            let last = choice.rows.into_iter().next().or(ended).ok_or_else(|| {
                self.transport.bad("no log-probabilities for the token after a prompt", String::new())
            })?;
            rows.insert(prompt.clone(), last);
        }
        Ok(rows)
    }

    /// What the server knows about certain tokens, all contexts in one request; `None` where it cannot be asked.
    pub(crate) async fn known_now(&self, requests: &[TokensRequest]) -> Result<KnownReply, ModelError> {
        if !self.caps.chosen_tokens || requests.is_empty() {
            return Ok(None);
        }
        let mut tokens: Vec<TokenId> = requests.iter().flat_map(|r| r.tokens.iter().copied()).collect();
        tokens.sort_unstable();
        tokens.dedup();
        let ask = Ask {
            prompts: requests.iter().map(|r| r.context.clone()).collect(),
            n: 1,
            max_tokens: 1,
            top_p: 1.0,
            top: self.caps.top,
            vocab: self.caps.vocab,
            tokens,
            ..Ask::default()
        };
        let (answer, usage) = self.complete(ask).await?;
        let mut known = Vec::with_capacity(requests.len());
        for (request, choice) in requests.iter().zip(answer.choices) {
            let row = choice.rows.into_iter().next();
            let found = request.tokens.iter().filter_map(|t| Some((*t, row.as_ref()?.known(*t)?)));
            known.push(LogProbs::from_top(found.collect::<Vec<_>>()));
        }
        Ok(Some((known, usage)))
    }

    /// Sends an ask, in several requests where the server takes fewer prompts at once.
    pub(crate) async fn complete(&self, ask: Ask) -> Result<(Answer, Usage), ModelError> {
        let most = self.caps.prompts_per_request.max(1);
        let mut parts = Vec::new();
        for start in (0..ask.prompts.len()).step_by(most) {
            let range = start..(start + most).min(ask.prompts.len());
            let slice = |all: &[usize]| all.get(range.clone()).map(<[usize]>::to_vec).unwrap_or_default();
            parts.push(Ask {
                prompts: ask.prompts[range.clone()].to_vec(),
                prompt_from: slice(&ask.prompt_from),
                draws: ask.draws.get(range.clone()).map(<[_]>::to_vec).unwrap_or_default(),
                ..ask.clone()
            });
        }
        let answers = try_join_all(parts.iter().map(|part| self.request(part))).await?;
        let mut usage = Usage { requests: answers.len(), ..Usage::default() };
        let mut whole = Answer { choices: Vec::new(), tokens: 0, cached: None };
        for answer in answers {
            usage.computed += answer.tokens.saturating_sub(answer.cached.unwrap_or(0));
            usage.cached += answer.cached.unwrap_or(0);
            whole.choices.extend(answer.choices);
        }
        usage.lookups += self.learn_pieces(&whole).await?;
        Ok((whole, usage))
    }

    async fn request(&self, ask: &Ask) -> Result<Answer, ModelError> {
        let body = self.caps.dialect.body(ask, &self.caps.model, &self.pieces, self.caps.ids_in);
        let reply = self.transport.call(self.caps.dialect.path(), Some(&body)).await?;
        self.caps.dialect.read(&reply, ask, &self.pieces).map_err(|reason| {
            let text = serde_json::to_string(&reply).unwrap_or_default();
            self.transport.bad(reason, text)
        })
    }
}

/// Which prompts answer the requests.
#[derive(Default)]
struct Plan {
    prompts: Vec<Vec<TokenId>>,
    from: Vec<usize>,
}

impl Plan {
    /// One prompt per draft that is no other draft's beginning.
    fn add_whole(&mut self, request: &ScoreRequest) {
        let mut leaves: Vec<&[TokenId]> = Vec::new();
        let drafts =
            request.drafts.iter().map(Vec::as_slice).chain(request.drafts.is_empty().then_some(&[][..]));
        let mut sorted: Vec<&[TokenId]> = drafts.collect();
        sorted.sort_by_key(|draft| std::cmp::Reverse(draft.len()));
        for draft in sorted {
            if !leaves.iter().any(|leaf| leaf.starts_with(draft)) {
                leaves.push(draft);
            }
        }
        for leaf in leaves {
            self.prompts.push([request.context.as_slice(), leaf].concat());
            self.from.push(request.context.len());
        }
    }

    /// One prompt per distinct prefix.
    fn add_steps(&mut self, request: &ScoreRequest) {
        let mut prefixes: Vec<&[TokenId]> = vec![&[]];
        for draft in &request.drafts {
            prefixes.extend((1..=draft.len()).map(|len| &draft[..len]));
        }
        for prefix in prefixes {
            let prompt = [request.context.as_slice(), prefix].concat();
            if !self.prompts.contains(&prompt) {
                self.prompts.push(prompt);
            }
        }
    }
}
