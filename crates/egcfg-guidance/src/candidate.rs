//! Candidates: sampled continuations of the plain stream, remembered with their tokens (drafts and reuse match on these),
//! their plain distributions (known from sampling), their executable form (what runs) and what came of running it.

use std::collections::HashMap;
use std::sync::Arc;

use egcfg_model::{LogProbs, TokenId};
use egcfg_task::Observation;

/// One sampled continuation.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    /// Number within the generation, in order of first appearance.
    pub(crate) id: usize,
    /// Seed of its draws.
    pub(crate) seed: u64,
    /// All answer tokens: those accepted when it was drawn, then its own. Without the end-of-text token.
    pub(crate) tokens: Vec<TokenId>,
    /// Plain distribution before the answer token at `first_row + i`.
    pub(crate) rows: Vec<LogProbs>,
    /// Answer index of the first row.
    pub(crate) first_row: usize,
    /// The end-of-text token that ended it, if one did.
    pub(crate) end_token: Option<TokenId>,
    /// It reached the end of the program (end of text or end mark).
    pub(crate) finished: bool,
}

impl Candidate {
    /// Whether it begins with the accepted tokens.
    pub(crate) fn begins_with(&self, accepted: &[TokenId]) -> bool {
        self.tokens.starts_with(accepted)
    }

    /// The plain distribution before the answer token at `index`, if it was kept.
    pub(crate) fn row(&self, index: usize) -> Option<&LogProbs> {
        self.rows.get(index.checked_sub(self.first_row)?)
    }

    /// What follows the accepted tokens, its end-of-text token included.
    pub(crate) fn draft(&self, accepted: usize) -> Vec<TokenId> {
        self.tokens[accepted.min(self.tokens.len())..].iter().copied().chain(self.end_token).collect()
    }
}

/// A candidate that was run.
#[derive(Debug, Clone)]
pub(crate) struct Executed {
    pub(crate) candidate: Arc<Candidate>,
    /// Its executable form.
    pub(crate) program: String,
    /// Normal form, for finding duplicates.
    pub(crate) normal: String,
    /// One observation per shown test.
    pub(crate) observations: Arc<Vec<Observation>>,
}

impl Executed {
    /// Shown tests that pass.
    pub(crate) fn passes(&self) -> usize {
        self.observations.iter().filter(|o| o.result.verdict.passed()).count()
    }

    /// Passes every shown test.
    pub(crate) fn solves(&self) -> bool {
        !self.observations.is_empty() && self.passes() == self.observations.len()
    }

    /// Order of entries: worst first, best last. The sort is stable, so equals stay in order of appearance and the guided
    /// prompts of two refreshes share a long prefix.
    pub(crate) fn rank(&self) -> (usize, bool) {
        (self.passes(), self.candidate.finished)
    }
}

/// Results of programs that ran for this task, shared by all its refreshes, gammas and retries.
#[derive(Debug, Default)]
pub struct ExecutionCache {
    runs: std::sync::Mutex<HashMap<String, Arc<Vec<Observation>>>>,
}

impl ExecutionCache {
    /// The observations of a program that ran before.
    pub(crate) fn get(&self, program: &str) -> Option<Arc<Vec<Observation>>> {
        self.lock().get(program).cloned()
    }

    /// Keeps the observations of a program.
    pub(crate) fn insert(&self, program: String, observations: Vec<Observation>) -> Arc<Vec<Observation>> {
        let observations = Arc::new(observations);
        self.lock().insert(program, Arc::clone(&observations));
        observations
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Vec<Observation>>>> {
        // A panic while the lock was held cannot leave a map half changed in a way that matters: entries are whole.
        self.runs.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The m best executed candidates that still begin with the accepted tokens.
pub(crate) fn best(seen: &[Executed], accepted: &[TokenId], memory: usize) -> Vec<Executed> {
    let mut alive: Vec<&Executed> = seen.iter().filter(|e| e.candidate.begins_with(accepted)).collect();
    alive.sort_by_key(|e| std::cmp::Reverse(e.rank()));
    alive.into_iter().take(memory).cloned().collect()
}
