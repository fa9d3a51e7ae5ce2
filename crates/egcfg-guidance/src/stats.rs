//! Counts derived from the event stream: what a generation cost in tokens, forwards and executions.

use std::sync::{Mutex, PoisonError};

use egcfg_model::Usage;
use serde::{Deserialize, Serialize};

use crate::event::{Event, EventSink};

/// The cost of one or more generations.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Stats {
    /// Tokens accepted into answers.
    pub accepted_tokens: usize,
    /// Tokens sampled for candidates (fresh, lengthened, and early stop's guided ones); a reused token counts once.
    pub sampled_tokens: usize,
    /// Prompt tokens of every generation's plain prompt.
    pub prompt_tokens: usize,
    /// Tokens put through the model in all, prefill included.
    pub computed_tokens: usize,
    /// Tokens whose cached state was used instead.
    pub cached_tokens: usize,
    /// Engine calls that carried guided tokens.
    pub guided_forwards: usize,
    /// Engine calls for plain tokens only, sampling apart.
    pub plain_forwards: usize,
    /// Tokens accepted while a signal was in force.
    pub guided_tokens: usize,
    /// Tokens where guidance chose something else than the plain stream would have.
    pub changed_tokens: usize,
    /// Lines completed under guidance.
    pub guided_lines: usize,
    pub refreshes: usize,
    /// Candidates drawn or kept.
    pub candidates: usize,
    /// Programs run (cached ones not counted).
    pub executions: usize,
    /// Wall seconds of executions.
    pub execution_seconds: f64,
    /// Requests to a server that ran the model; 0 for a local model.
    #[serde(default)]
    pub requests: usize,
    /// Those of them from the first refresh on: what guidance itself asked for.
    #[serde(default)]
    pub guided_requests: usize,
    /// Requests to a server that only turned text into tokens or back.
    #[serde(default)]
    pub lookups: usize,
    /// Tokens chosen although truncated lists left open whether another one would have won.
    #[serde(default)]
    pub support_truncated: usize,
    /// Programs judged by the shown tests: one per attempt. Results have the number beside the cost and not within it.
    #[serde(skip)]
    pub programs: usize,
}

impl Stats {
    /// The token budget of METHOD: every generated token, accepted or sampled.
    pub fn generated_tokens(&self) -> usize {
        self.accepted_tokens + self.sampled_tokens
    }

    /// Requests to a server per line completed under guidance; what begins a line that is never completed counts too, so this
    /// errs upwards. `None` for a local model, or where no line was guided.
    pub fn requests_per_line(&self) -> Option<f64> {
        let told = self.guided_requests > 0 && self.guided_lines > 0;
        told.then(|| self.guided_requests as f64 / self.guided_lines as f64)
    }

    fn spend(&mut self, usage: &Usage) {
        self.computed_tokens += usage.computed;
        self.cached_tokens += usage.cached;
        self.requests += usage.requests;
        if self.refreshes > 0 {
            self.guided_requests += usage.requests;
        }
        self.lookups += usage.lookups;
    }

    /// Counts one event of a generation.
    pub fn observe(&mut self, event: &Event) {
        match event {
            Event::Start { prompt_tokens, .. } => self.prompt_tokens += prompt_tokens,
            Event::Refresh { .. } => self.refreshes += 1,
            Event::Candidates { candidates, usage, guided } => {
                self.sampled_tokens += candidates.iter().map(|c| c.new_tokens).sum::<usize>();
                if !guided {
                    self.candidates += candidates.len();
                }
                self.spend(usage);
            }
            Event::Grown { programs, usage, .. } => {
                self.sampled_tokens += programs.iter().map(|p| p.new_tokens).sum::<usize>();
                self.candidates += programs.len();
                self.spend(usage);
            }
            Event::Asked { usage, .. } => self.spend(usage),
            Event::SupportTruncated { .. } => self.support_truncated += 1,
            Event::Executions { runs, seconds } => {
                self.executions += runs.iter().filter(|run| !run.cached).count();
                self.execution_seconds += seconds;
            }
            Event::Forward { guided, usage, .. } => {
                *(if *guided { &mut self.guided_forwards } else { &mut self.plain_forwards }) += 1;
                self.spend(usage);
            }
            Event::Token { guided, instead_of, .. } => {
                self.accepted_tokens += 1;
                self.guided_tokens += usize::from(guided.is_some());
                self.changed_tokens += usize::from(instead_of.is_some());
            }
            Event::Line { .. } => self.guided_lines += 1,
            Event::Verdict { .. } => self.programs += 1,
            _ => {}
        }
    }
}

impl std::ops::AddAssign for Stats {
    fn add_assign(&mut self, other: Self) {
        self.accepted_tokens += other.accepted_tokens;
        self.sampled_tokens += other.sampled_tokens;
        self.prompt_tokens += other.prompt_tokens;
        self.computed_tokens += other.computed_tokens;
        self.cached_tokens += other.cached_tokens;
        self.guided_forwards += other.guided_forwards;
        self.plain_forwards += other.plain_forwards;
        self.guided_tokens += other.guided_tokens;
        self.changed_tokens += other.changed_tokens;
        self.guided_lines += other.guided_lines;
        self.refreshes += other.refreshes;
        self.candidates += other.candidates;
        self.executions += other.executions;
        self.execution_seconds += other.execution_seconds;
        self.requests += other.requests;
        self.guided_requests += other.guided_requests;
        self.lookups += other.lookups;
        self.support_truncated += other.support_truncated;
        self.programs += other.programs;
    }
}

/// Counts what goes through to another sink.
pub(crate) struct Counting<'a> {
    sink: &'a dyn EventSink,
    stats: Mutex<Stats>,
}

impl<'a> Counting<'a> {
    pub(crate) fn new(sink: &'a dyn EventSink) -> Self {
        Self { sink, stats: Mutex::default() }
    }

    /// What was counted since the last time.
    pub(crate) fn take(&self) -> Stats {
        std::mem::take(&mut *self.stats.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl EventSink for Counting<'_> {
    fn emit(&self, event: &Event) {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner).observe(event);
        self.sink.emit(event);
    }

    fn wants_heads(&self) -> bool {
        self.sink.wants_heads()
    }

    fn wants_prompts(&self) -> bool {
        self.sink.wants_prompts()
    }
}
