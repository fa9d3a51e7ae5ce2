//! Sampled continuations in as few requests as the dialect allows: several completions of one prompt (`n`), several prompts
//! in one request, or one request each, side by side. Servers count no lines, so a continuation that ends after some lines
//! is asked for in portions; the end is found here, token by token, by the rules that every model here follows, and what lies
//! behind it is dropped.

use futures::future::try_join_all;

use crate::api::{Continuation, Sample, SampleRequest, ScoreRequest, StopReason, TokenId, Usage};
use crate::dist::LogProbs;
use crate::endpoint::ask::{Ask, Choice, Draw, Finish};
use crate::endpoint::dialect::Dialect;
use crate::endpoint::model::Inner;
use crate::error::ModelError;
use crate::sampler::mix;
use crate::stop::StopWatch;

/// Tokens beyond the expected length of a portion: a second portion costs a request.
const MARGIN: usize = 8;
/// Tokens of a line, on the long side. Fixed, because a portion's seed depends on where it begins: what is drawn must not
/// depend on what was drawn for other tasks.
const PER_LINE: usize = 16;
/// A portion without an end that the server knows of.
const BLIND: usize = 128;

/// A continuation while it grows.
struct Open<'a> {
    asked: &'a Continuation,
    watch: StopWatch,
    /// Prompt and continuation so far.
    tokens: Vec<TokenId>,
    sample: Sample,
    done: bool,
    newlines: usize,
}

impl Inner {
    /// Samples every continuation to its end.
    pub(crate) async fn sample_now(
        &self,
        request: &SampleRequest,
    ) -> Result<(Vec<Sample>, Usage), ModelError> {
        let mut open: Vec<Open<'_>> =
            request.continuations.iter().map(|asked| open(request, asked)).collect();
        let mut usage = Usage::default();
        while open.iter().any(|o| !o.done) {
            let pending: Vec<usize> = (0..open.len()).filter(|at| !open[*at].done).collect();
            let groups = self.groups(request, &open, &pending);
            let answers = try_join_all(groups.iter().map(|group| self.complete(group.ask.clone()))).await?;
            for (group, (answer, cost)) in groups.iter().zip(answers) {
                usage += cost;
                for (at, choice) in group.members.iter().zip(answer.choices) {
                    self.take(&mut open[*at], choice, request)?;
                }
            }
        }
        if self.caps.tempered && request.temperature > 0.0 {
            usage += self.untemper(request, &mut open).await?;
        }
        for o in &mut open {
            if !request.want_distributions {
                o.sample.distributions.clear();
            }
        }
        Ok((open.into_iter().map(|o| o.sample).collect(), usage))
    }

    /// Which continuations share a request. A request's seed is one for all its prompts, and equal prompts would draw equal
    /// tokens: they travel as `n` completions of one prompt.
    fn groups(&self, request: &SampleRequest, open: &[Open<'_>], pending: &[usize]) -> Vec<Group> {
        let mut prompts: Vec<(&[TokenId], Vec<usize>)> = Vec::new();
        for at in pending {
            let room = |members: &[usize]| members.len() < self.caps.most_n;
            match prompts.iter_mut().find(|(tokens, own)| *tokens == open[*at].tokens && room(own)) {
                Some((_, members)) if self.caps.n && self.caps.dialect != Dialect::Egcfg => members.push(*at),
                _ => prompts.push((&open[*at].tokens, vec![*at])),
            }
        }
        let mut groups: Vec<Group> = Vec::new();
        for (tokens, members) in prompts {
            let portion = members.iter().map(|at| self.portion(&open[*at])).max().unwrap_or(1);
            let first = &open[members[0]];
            let seed = mix(first.asked.seed ^ mix(first.tokens.len() as u64));
            let draw = Draw {
                seed: first.asked.seed,
                standing: first.asked.prefix.len() + first.sample.tokens.len(),
                tail: first.asked.tail.clone(),
                newlines: first.asked.stop.newlines.map(|n| n.saturating_sub(first.newlines)),
                max_tokens: first.asked.stop.max_tokens - first.sample.tokens.len(),
            };
            // Greedy prompts may share a request whatever its seed; so may prompts that each bring their own.
            let shareable = self.caps.dialect == Dialect::Egcfg || request.temperature == 0.0;
            let same = groups.iter_mut().find(|g| {
                g.ask.n == members.len() && (shareable || self.caps.shared_seed) && self.caps.lists
            });
            match same {
                Some(group) => {
                    group.ask.prompts.push(tokens.to_vec());
                    group.ask.max_tokens = group.ask.max_tokens.max(portion);
                    group.ask.draws.push(draw);
                    group.members.extend(members);
                }
                None => groups.push(Group {
                    ask: Ask {
                        prompts: vec![tokens.to_vec()],
                        n: members.len(),
                        max_tokens: portion,
                        temperature: request.temperature,
                        top_p: request.top_p,
                        seed: Some(seed),
                        stop: if self.caps.stop_texts { first.asked.stop.texts.clone() } else { Vec::new() },
                        top: if request.want_distributions { self.caps.top } else { 1 },
                        vocab: self.caps.vocab,
                        draws: vec![draw],
                        ..Ask::default()
                    },
                    members,
                }),
            }
        }
        if self.caps.dialect != Dialect::Egcfg {
            for group in &mut groups {
                group.ask.draws.clear();
            }
        }
        groups
    }

    /// Tokens to ask for: all that are allowed, or as many as the lines still wanted are likely to take.
    fn portion(&self, open: &Open<'_>) -> usize {
        let room = self.info.context - open.tokens.len();
        let left = (open.asked.stop.max_tokens - open.sample.tokens.len()).min(room);
        if self.caps.dialect == Dialect::Egcfg {
            return left;
        }
        let Some(lines) = open.asked.stop.newlines else {
            // Without stop texts on its side, a server would write on long after the end.
            let blind = !self.caps.stop_texts && !open.asked.stop.texts.is_empty();
            return if blind { left.min(BLIND) } else { left };
        };
        let lines = lines.saturating_sub(open.newlines).max(1);
        left.min(PER_LINE * lines + MARGIN)
    }

    /// Takes what came, up to the end.
    fn take(&self, open: &mut Open<'_>, choice: Choice, request: &SampleRequest) -> Result<(), ModelError> {
        let count = choice.tokens.len();
        if count == 0 && choice.finish == Finish::Length {
            return Err(self.transport.bad("a completion without a token", "(an empty completion)"));
        }
        let mut rows = choice.rows.into_iter();
        for (index, (token, log_prob)) in choice.tokens.iter().zip(&choice.log_probs).enumerate() {
            let bytes = self.bytes(*token);
            let newlines = bytes.iter().filter(|b| **b == b'\n').count();
            open.newlines += newlines;
            open.tokens.push(*token);
            open.sample.tokens.push(*token);
            open.sample.log_probs.push(*log_prob);
            if let (true, Some(row)) = (request.want_distributions, rows.next()) {
                open.sample.distributions.push(row);
            }
            let is_end = self.info.end_tokens.contains(token);
            let mut stop = open.watch.push(bytes, is_end);
            if stop.is_none() && open.tokens.len() >= self.info.context {
                stop = Some(StopReason::Length);
            }
            // The server says that the text ended here, by a token or a text that it knows and we do not.
            if stop.is_none() && index + 1 == count && choice.finish == Finish::Stop {
                stop = Some(StopReason::EndOfText);
            }
            if let Some(reason) = stop {
                open.sample.stop = reason;
                open.done = true;
                break;
            }
        }
        if !open.done && count == 0 {
            self.end_here(open);
        } else if open.done && open.sample.stop == StopReason::EndOfText {
            self.mark_end(open);
        }
        Ok(())
    }

    /// The server ended the text and sends no token for that: the one that stands for it here does.
    fn end_here(&self, open: &mut Open<'_>) {
        open.sample.stop = StopReason::EndOfText;
        open.done = true;
        self.mark_end(open);
    }

    /// An end-of-text continuation ends with an end token, as every model's does.
    fn mark_end(&self, open: &mut Open<'_>) {
        let ends = &self.info.end_tokens;
        if open.sample.tokens.last().is_some_and(|t| ends.contains(t)) {
            return;
        }
        if let Some(end) = ends.first() {
            open.sample.tokens.push(*end);
            // Its probability was not told; its row is left out, and asked for where it is needed.
            open.sample.log_probs.push(0.0);
        }
    }

    /// Servers that report tempered numbers are asked again, for the plain ones, along what was drawn.
    async fn untemper(&self, request: &SampleRequest, open: &mut [Open<'_>]) -> Result<Usage, ModelError> {
        let context = request.context.clone();
        let drafts = open.iter().map(|o| o.tokens[context.len()..].to_vec()).collect();
        let replies = self.score_now(&[ScoreRequest { context, drafts }]).await?;
        let Some(reply) = replies.into_iter().next() else { return Ok(Usage::default()) };
        for (o, after) in open.iter_mut().zip(&reply.after) {
            let standing = o.asked.prefix.len();
            let all: Vec<&LogProbs> = std::iter::once(&reply.next).chain(after).skip(standing).collect();
            for (at, token) in o.sample.tokens.iter().enumerate() {
                let Some(row) = all.get(at) else { break };
                o.sample.log_probs[at] = row.get(*token);
                if let Some(old) = o.sample.distributions.get_mut(at) {
                    *old = LogProbs::clone(row);
                }
            }
        }
        Ok(reply.usage)
    }
}

/// One request and the continuations that it answers, in order.
struct Group {
    ask: Ask,
    members: Vec<usize>,
}

fn open<'a>(request: &SampleRequest, asked: &'a Continuation) -> Open<'a> {
    let watch = StopWatch::new(asked.stop.clone(), &asked.tail);
    let stop = watch.at_start();
    Open {
        asked,
        watch,
        tokens: [request.context.as_slice(), &asked.prefix].concat(),
        sample: Sample {
            tokens: Vec::new(),
            distributions: Vec::new(),
            log_probs: Vec::new(),
            stop: stop.unwrap_or(StopReason::Length),
        },
        done: stop.is_some(),
        newlines: 0,
    }
}
