//! The gamma ladder: generate, judge by the shown tests, and go on with the next gamma (and, after the last one, the next
//! retry) until a program passes.

use egcfg_task::TestResult;

use crate::error::GuidanceError;
use crate::event::Event;
use crate::generate::{Generation, Session, generate};
use crate::settings::Settings;
use crate::stats::Stats;

/// One generation and its judgement by the shown tests.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// Its gamma.
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
        self.results.iter().filter(|r| r.verdict.passed()).count()
    }

    /// Every shown test passes (and there is one).
    pub fn passed(&self) -> bool {
        !self.results.is_empty() && self.passes() == self.results.len()
    }
}

/// All attempts at a task, in order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Solution {
    /// The attempts; never empty after [`solve`].
    pub attempts: Vec<Attempt>,
}

impl Solution {
    /// The attempt to return: the one that passes, else the first of those with the most passing tests.
    pub fn best(&self) -> Option<&Attempt> {
        let most = self.attempts.iter().map(Attempt::passes).max()?;
        self.attempts
            .iter()
            .find(|a| a.passed())
            .or_else(|| self.attempts.iter().find(|a| a.passes() == most))
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

/// Tries the gammas in order, and all of them again with other draws for each retry, until a program passes the shown
/// tests. gamma = 0 is deterministic and is not retried.
pub async fn solve(
    session: Session<'_>,
    settings: &Settings,
    gammas: &[f64],
    retries: u32,
) -> Result<Solution, GuidanceError> {
    let mut solution = Solution::default();
    for retry in 0..=retries {
        for gamma in gammas.iter().copied().filter(|gamma| retry == 0 || *gamma != 0.0) {
            let settings = Settings { gamma, retry, ..settings.clone() };
            let generation = generate(session, &settings).await?;
            let attempt = judge(session, gamma, retry, generation).await?;
            let passed = attempt.passed();
            solution.attempts.push(attempt);
            if passed {
                return Ok(solution);
            }
        }
    }
    Ok(solution)
}

/// Judges a generation by the shown tests.
pub async fn judge(
    session: Session<'_>,
    gamma: f64,
    retry: u32,
    generation: Generation,
) -> Result<Attempt, GuidanceError> {
    let task = session.task;
    let results = session.executor.judge(task, &generation.program, &task.shown_tests).await?;
    let attempt = Attempt { gamma, retry, generation, results };
    session.events.emit(&Event::Verdict { passed: attempt.passed(), results: attempt.results.clone() });
    Ok(attempt)
}
