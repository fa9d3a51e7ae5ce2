//! What works together on one task, and what comes of it: a generation, its judgement, all attempts at a task.

use egcfg_model::{LanguageModel, TokenId};
use egcfg_task::{Task, TestResult};

use crate::answer::Answer;
use crate::candidate::ExecutionCache;
use crate::event::{EventSink, Stop};
use crate::executor::Executor;
use crate::stats::Stats;
use crate::template::Template;

/// The parts that work together on one task.
#[derive(Clone, Copy)]
pub struct Session<'a> {
    /// Writes candidates and answers.
    pub model: &'a dyn LanguageModel,
    /// Runs what the model wrote.
    pub executor: &'a dyn Executor,
    /// The prompt around the task.
    pub template: &'a Template,
    /// What is asked of the model.
    pub task: &'a Task,
    /// Results of programs that ran for this task.
    pub cache: &'a ExecutionCache,
    /// Is told everything that happens.
    pub events: &'a dyn EventSink,
}

/// What a generation wrote.
#[derive(Debug, Clone, PartialEq)]
pub struct Generation {
    pub program: String,
    /// The whole answer as text.
    pub answer: String,
    /// The accepted tokens.
    pub tokens: Vec<TokenId>,
    /// Why it ended.
    pub stop: Stop,
    /// Whether the entry point's definition was reached, so that guidance could run.
    pub began: bool,
    /// What it cost.
    pub stats: Stats,
}

/// One generation and its judgement by the shown tests.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    pub gamma: f64,
    /// Its repetition, from 0.
    pub retry: u32,
    /// What was written.
    pub generation: Generation,
    /// One result per shown test.
    pub results: Vec<TestResult>,
}

impl Attempt {
    /// Shown tests that pass.
    pub fn passes(&self) -> usize {
        TestResult::passes(&self.results)
    }

    /// Every shown test passes (and there is one).
    pub fn passed(&self) -> bool {
        TestResult::all_pass(&self.results)
    }
}

/// All attempts at a task, in order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Solution {
    /// The attempts; never empty after [`crate::solve`].
    pub attempts: Vec<Attempt>,
    /// What was the answer from when on, where a program passes; empty where only the order of attempts chooses.
    pub answers: Vec<Answer>,
}

impl Solution {
    /// The attempt to return: the chosen one, else the one that passes, else the first of those with the most passing tests.
    pub fn best(&self) -> Option<&Attempt> {
        if let Some(chosen) = self.answers.last().and_then(|answer| self.attempts.get(answer.attempt)) {
            return Some(chosen);
        }
        let most = self.attempts.iter().map(Attempt::passes).max()?;
        self.attempts
            .iter()
            .find(|a| a.passed())
            .or_else(|| self.attempts.iter().find(|a| a.passes() == most))
    }

    /// Takes over what another part of the work came to.
    pub(crate) fn append(&mut self, other: &Self) {
        let (before, spent) = (self.attempts.len(), self.stats().generated_tokens());
        self.attempts.extend(other.attempts.iter().cloned());
        let moved =
            |answer: &Answer| Answer { tokens: spent + answer.tokens, attempt: before + answer.attempt };
        self.answers.extend(other.answers.iter().map(moved));
    }

    /// Whether some attempt passes every shown test.
    pub fn solved(&self) -> bool {
        self.attempts.iter().any(Attempt::passed)
    }

    /// What all attempts cost together.
    pub fn stats(&self) -> Stats {
        let mut sum = Stats::default();
        for attempt in &self.attempts {
            sum += attempt.generation.stats;
        }
        sum
    }
}
