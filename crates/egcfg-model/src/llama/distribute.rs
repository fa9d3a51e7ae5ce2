//! After a batch: its rows go to the jobs that wanted them, sampling lanes draw, and whoever is done is answered.

use crate::api::TokenId;
use crate::dist::{LogProbs, normalise_into};
use crate::llama::batch::Device;
use crate::llama::engine::Engine;
use crate::llama::job::{Job, Lane, Work};

impl<D: Device> Engine<D> {
    /// Hands out what the batch gave: cached tokens, rows, draws.
    pub(crate) fn distribute(&mut self) {
        let carried = std::mem::take(&mut self.carried);
        for (slot, (index, at)) in carried.iter().enumerate() {
            let lane = &mut self.lanes[*index];
            let Some(plan) = lane.plan.as_mut() else { continue };
            plan.next = at + 1;
            let work = plan.work[*at].clone();
            let held = plan.sequences[work.sequences].to_vec();
            for id in &held {
                self.cache.push(*id, work.token);
            }
            let Some(job) = self.jobs.get_mut(&lane.job) else { continue };
            job.usage().computed += 1;
            let Some(row) = work.row else { continue };
            let logits = self.device.logits(slot);
            match job {
                Job::Score(job) => {
                    let row_value = LogProbs::from_logits(logits);
                    for id in &held {
                        self.cache.remember(*id, row_value.clone());
                    }
                    job.rows[row] = Some(row_value);
                    lane.ended = plan.next == plan.work.len();
                }
                Job::Sample(job) => {
                    // A row costs memory: it is kept where it is asked for, or where others will start from it.
                    let keep = job.want_distributions || lane.continuations.len() > 1 || plan.work.len() > 1;
                    if keep {
                        let row_value = LogProbs::from_logits(logits);
                        for id in &held {
                            self.cache.remember(*id, row_value.clone());
                        }
                        self.draw(*index, row_value.values(), Some(&row_value));
                    } else {
                        let mut scratch = std::mem::take(&mut self.scratch);
                        normalise_into(&mut scratch, logits);
                        self.draw(*index, &scratch, None);
                        self.scratch = scratch;
                    }
                }
            }
        }
        self.carried = carried;
        let ended: Vec<u64> = self.lanes.iter().filter(|lane| lane.ended).map(|lane| lane.job).collect();
        for job in ended {
            self.finish_if_done(job);
        }
    }

    /// Draws the next token of every continuation of a lane. Continuations that drew the same go on together; each other
    /// group becomes a lane of its own.
    pub(crate) fn draw(&mut self, index: usize, log_probs: &[f32], shared: Option<&LogProbs>) {
        let lane = &mut self.lanes[index];
        let Some(Job::Sample(job)) = self.jobs.get_mut(&lane.job) else { return };
        let mut groups: Vec<(TokenId, Vec<usize>)> = Vec::new();
        for continuation in &lane.continuations {
            let drawn =
                job.progress[*continuation]
                    .step(&mut job.sampler, log_probs, shared.cloned(), |token| self.vocabulary.token(token));
            if let Some(token) = drawn {
                match groups.iter_mut().find(|(other, _)| *other == token) {
                    Some((_, members)) => members.push(*continuation),
                    None => groups.push((token, vec![*continuation])),
                }
            }
        }
        let mut groups = groups.into_iter();
        let Some((token, continuations)) = groups.next() else {
            lane.ended = true;
            return;
        };
        let others: Vec<Lane> = groups
            .map(|(token, continuations)| {
                let tokens = lane.tokens.iter().copied().chain([token]).collect();
                Lane::new(lane.job, tokens, continuations)
            })
            .collect();
        let position = lane.tokens.len();
        lane.tokens.push(token);
        lane.continuations = continuations;
        if let Some(plan) = lane.plan.as_mut() {
            plan.work.clear();
            plan.work.push(Work { token, position, sequences: 0..1, row: Some(0) });
            plan.next = 0;
        }
        self.lanes.extend(others);
    }

    /// Answers a job whose last lane has ended.
    pub(crate) fn finish_if_done(&mut self, job: u64) {
        if self.lanes.iter().all(|lane| lane.ended || lane.job != job)
            && let Some(job) = self.jobs.remove(&job)
        {
            job.finish();
        }
    }
}
