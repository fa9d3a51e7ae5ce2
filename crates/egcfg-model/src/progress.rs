//! One continuation while it is being sampled: which token comes next, what is recorded, when it ends. The scripted model
//! and the local engine differ in where a distribution comes from; everything after that is this.

use crate::api::{Continuation, Sample, StopReason, TokenId};
use crate::dist::LogProbs;
use crate::sampler::Sampler;
use crate::stop::StopWatch;

/// The state of one continuation.
#[derive(Debug)]
pub(crate) struct Progress {
    seed: u64,
    /// Index within the whole continuation of the token to be drawn next.
    index: u64,
    /// Tokens that the context still has room for.
    room: usize,
    want_distributions: bool,
    watch: StopWatch,
    sample: Sample,
    done: bool,
}

impl Progress {
    /// Starts a continuation; `room` is the number of tokens that the context can still take.
    pub(crate) fn new(asked: &Continuation, room: usize, want_distributions: bool) -> Self {
        let watch = StopWatch::new(asked.stop.clone(), &asked.tail);
        let stop = watch.at_start().or((room == 0).then_some(StopReason::Length));
        Self {
            seed: asked.seed,
            index: asked.prefix.len() as u64,
            room,
            want_distributions,
            watch,
            sample: Sample {
                tokens: Vec::new(),
                distributions: Vec::new(),
                log_probs: Vec::new(),
                stop: stop.unwrap_or(StopReason::Length),
            },
            done: stop.is_some(),
        }
    }

    /// Whether it has ended.
    pub(crate) fn done(&self) -> bool {
        self.done
    }

    /// Draws and records the next token from the distribution that stands now; `shared` is the same distribution as a value
    /// to keep, needed where distributions are wanted. Returns the token to compute next, or nothing when the continuation has
    /// ended with it.
    pub(crate) fn step<'v>(
        &mut self,
        sampler: &mut Sampler,
        log_probs: &[f32],
        shared: Option<LogProbs>,
        bytes_of: impl FnOnce(TokenId) -> (&'v [u8], bool),
    ) -> Option<TokenId> {
        let token = sampler.draw(log_probs, self.seed, self.index);
        self.index += 1;
        self.sample.tokens.push(token);
        self.sample.log_probs.push(log_probs.get(token as usize).copied().unwrap_or(f32::NEG_INFINITY));
        if self.want_distributions {
            self.sample.distributions.extend(shared);
        }
        let (bytes, is_end) = bytes_of(token);
        let mut stop = self.watch.push(bytes, is_end);
        self.room -= 1;
        if stop.is_none() && self.room == 0 {
            stop = Some(StopReason::Length);
        }
        if let Some(reason) = stop {
            self.sample.stop = reason;
            self.done = true;
            return None;
        }
        Some(token)
    }

    /// What was sampled.
    pub(crate) fn finish(self) -> Sample {
        self.sample
    }
}
