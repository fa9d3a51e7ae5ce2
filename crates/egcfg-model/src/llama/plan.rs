//! Planning: what of a lane's tokens is cached, which sequences it takes, what is left to compute. A request that is cached
//! to the last distribution costs nothing; one whose beginning another lane is computing right now waits for it.

use crate::api::TokenId;
use crate::dist::LogProbs;
use crate::error::ModelError;
use crate::llama::batch::Device;
use crate::llama::cache::{NoSequence, common_prefix};
use crate::llama::engine::{Engine, linear_plan};
use crate::llama::job::{Job, Plan, Work};

/// A lane waits for another one that is about to compute at least this many tokens more of what it needs than is cached.
const WORTH_WAITING: usize = 16;

impl<D: Device> Engine<D> {
    /// Gives every waiting lane that can have one a place, the oldest jobs' first. Lanes that need no computing are served on
    /// the spot, and what they turn into is planned in turn.
    pub(crate) fn plan_lanes(&mut self) {
        for lane in &mut self.lanes {
            lane.waits = false;
        }
        let mut wiped_for = None;
        loop {
            let next = (0..self.lanes.len())
                .filter(|index| {
                    let lane = &self.lanes[*index];
                    lane.plan.is_none() && !lane.parked && !lane.waits && !lane.ended
                })
                .min_by_key(|index| self.lanes[*index].job);
            let Some(index) = next else { return };
            if self.better_wait(index) {
                self.lanes[index].waits = true;
                continue;
            }
            let planned = match self.jobs.get(&self.lanes[index].job) {
                Some(Job::Score(_)) => self.plan_score(index),
                Some(Job::Sample(_)) => self.plan_sample(index),
                None => {
                    self.lanes[index].ended = true;
                    Ok(())
                }
            };
            match planned {
                Ok(()) => {}
                Err(NoSequence) if self.lanes.iter().any(|lane| lane.plan.is_some()) => {
                    self.lanes[index].parked = true;
                }
                // Alone and still no place: what is remembered may be in the way of what is asked for.
                Err(NoSequence) if wiped_for != Some(self.lanes[index].job) => {
                    wiped_for = Some(self.lanes[index].job);
                    while self.cache.evict(&mut self.device) {}
                }
                Err(NoSequence) => {
                    let error = ModelError::CacheFull {
                        reason: format!(
                            "the request needs more than the {} sequences there are; raise the number of sequences",
                            self.limits.sequences
                        ),
                    };
                    self.fail_job(self.lanes[index].job, error);
                }
            }
        }
    }

    /// Whether a running lane will soon have computed what this one would compute now.
    fn better_wait(&self, index: usize) -> bool {
        let tokens = &self.lanes[index].tokens;
        let have = self.cache.common(tokens);
        self.lanes
            .iter()
            .any(|other| other.plan.is_some() && common_prefix(&other.tokens, tokens) >= have + WORTH_WAITING)
    }

    fn plan_sample(&mut self, index: usize) -> Result<(), NoSequence> {
        let lane = &mut self.lanes[index];
        let length = lane.tokens.len();
        let row = self.cache.rows_along(&lane.tokens, length).pop().flatten();
        let cached;
        if let Some(row) = row {
            cached = length;
            self.draw(index, row.values(), Some(&row));
            if self.lanes[index].ended {
                let job = self.lanes[index].job;
                self.note_cached(job, cached);
                self.finish_if_done(job);
                return Ok(());
            }
        } else {
            let (sequence, have) = self.cache.acquire(&lane.tokens, length - 1, &[], &mut self.device)?;
            lane.plan = Some(linear_plan(sequence, &lane.tokens, have));
            cached = have;
        }
        self.note_cached(self.lanes[index].job, cached);
        Ok(())
    }

    /// Context tokens found cached: the most that any lane of the job found at its start.
    fn note_cached(&mut self, job: u64, have: usize) {
        match self.jobs.get_mut(&job) {
            Some(Job::Sample(job)) if job.usage.computed == 0 => {
                job.usage.cached = job.usage.cached.max(have.min(job.context));
            }
            _ => {}
        }
    }

    fn plan_score(&mut self, index: usize) -> Result<(), NoSequence> {
        let lane = &mut self.lanes[index];
        let Some(Job::Score(job)) = self.jobs.get_mut(&lane.job) else { return Ok(()) };
        let context = lane.tokens.len();
        // What is remembered, from the root down: below a node that is not, nothing counts.
        let targets: Vec<Vec<TokenId>> = if job.tree.leaves.is_empty() {
            vec![lane.tokens.clone()]
        } else {
            (0..job.tree.leaves.len())
                .map(|leaf| lane.tokens.iter().copied().chain(job.tree.leaf_tokens(leaf)).collect())
                .collect()
        };
        job.rows.fill(None);
        for (leaf, target) in targets.iter().enumerate() {
            let known = self.cache.rows_along(target, context);
            let mut slots = std::iter::once(0)
                .chain(job.tree.leaves.get(leaf).into_iter().flatten().map(|node| 1 + node));
            for row in known.into_iter().map_while(|row: Option<LogProbs>| row) {
                if let Some(slot) = slots.next() {
                    job.rows[slot].get_or_insert(row);
                }
            }
        }
        if job.rows.iter().all(Option::is_some) {
            job.usage.cached = context;
            lane.ended = true;
            let id = lane.job;
            self.finish_if_done(id);
            return Ok(());
        }
        let mut sequences: Vec<usize> = Vec::new();
        // For each leaf its index in `sequences`; leaves without work have none.
        let mut index_of = Vec::with_capacity(targets.len() + 1);
        let mut work = Vec::new();
        let outcome = if job.rows[0].is_some() {
            job.usage.cached = context;
            let known: Vec<usize> = (0..targets.len())
                .map(|leaf| {
                    let path = &job.tree.leaves[leaf];
                    context + path.iter().take_while(|node| job.rows[1 + **node].is_some()).count()
                })
                .collect();
            let spare: Vec<usize> = targets
                .iter()
                .zip(&known)
                .filter_map(|(target, known)| self.cache.holder(&target[..*known]))
                .collect();
            targets.iter().zip(&known).try_for_each(|(target, known)| {
                index_of.push(sequences.len());
                if *known < target.len() {
                    let (id, _) = self.cache.acquire(target, *known, &spare, &mut self.device)?;
                    sequences.push(id);
                }
                Ok(())
            })
        } else {
            self.cache.acquire(&lane.tokens, context - 1, &[], &mut self.device).and_then(|(first, have)| {
                job.usage.cached = have;
                sequences.push(first);
                index_of.extend(0..targets.len());
                let all = 0..targets.len();
                work.extend((have..context).map(|position| Work {
                    token: lane.tokens[position],
                    position,
                    sequences: all.clone(),
                    row: (position + 1 == context).then_some(0),
                }));
                (1..targets.len()).try_for_each(|_| {
                    sequences.push(self.cache.fork(first, have, &mut self.device)?);
                    Ok(())
                })
            })
        };
        if let Err(NoSequence) = outcome {
            for id in sequences {
                self.cache.release(id, &mut self.device);
            }
            return Err(NoSequence);
        }
        index_of.push(sequences.len());
        for (at, node) in job.tree.nodes.iter().enumerate() {
            if job.rows[1 + at].is_none() {
                work.push(Work {
                    token: node.token,
                    position: context + node.depth - 1,
                    sequences: index_of[node.leaves.start]..index_of[node.leaves.end],
                    row: Some(1 + at),
                });
            }
        }
        lane.plan = Some(Plan { sequences, work, next: 0 });
        Ok(())
    }
}
