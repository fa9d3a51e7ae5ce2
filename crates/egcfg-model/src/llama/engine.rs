//! The engine's loop: take in requests, give each lane a place in the cache, carry the pending tokens of all lanes in one
//! batch, hand the distributions out, again. Nothing here knows llama.cpp; [`Device`] does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use crate::api::{SampleRequest, ScoreReply, ScoreRequest, TokenId, Usage};
use crate::error::ModelError;
use crate::llama::batch::{ComputeError, Device};
use crate::llama::cache::PrefixCache;
use crate::llama::info::Vocabulary;
use crate::llama::job::{Job, Lane, Message, Plan, Reply, SampleJob, ScoreJob, Work};
use crate::llama::tree::DraftTree;
use crate::progress::Progress;
use crate::sampler::Sampler;

/// Limits of an engine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Context length in tokens of one request.
    pub(crate) context: usize,
    /// Tokens per batch.
    pub(crate) batch: usize,
    /// Sequences in the cache.
    pub(crate) sequences: usize,
    /// Distributions remembered.
    pub(crate) rows: usize,
    /// Tokens in the key-value memory, for messages.
    pub(crate) cells: usize,
}

/// All work of one model.
pub(crate) struct Engine<D> {
    pub(crate) device: D,
    pub(crate) cache: PrefixCache,
    pub(crate) limits: Limits,
    pub(crate) jobs: BTreeMap<u64, Job>,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) vocabulary: Arc<Vocabulary>,
    next_job: u64,
    /// The batch: lane, piece of work.
    pub(crate) carried: Vec<(usize, usize)>,
    /// Log-probabilities of the row that is being drawn from.
    pub(crate) scratch: Vec<f32>,
}

impl<D: Device> Engine<D> {
    pub(crate) fn new(device: D, vocabulary: Arc<Vocabulary>, limits: Limits) -> Self {
        Self {
            device,
            cache: PrefixCache::new(limits.sequences, limits.rows),
            limits,
            jobs: BTreeMap::new(),
            lanes: Vec::new(),
            vocabulary,
            next_job: 0,
            carried: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Works until every sender is gone, or until the device fails: then the reason is returned and all callers in work have
    /// been told.
    pub(crate) fn run(&mut self, inbox: &Receiver<Message>) -> Result<(), ModelError> {
        loop {
            if self.lanes.is_empty() {
                match inbox.recv() {
                    Ok(message) => self.admit(message),
                    Err(_) => return Ok(()),
                }
            }
            while let Ok(message) = inbox.try_recv() {
                self.admit(message);
            }
            if let Err(reason) = self.turn() {
                let error = ModelError::Engine(reason);
                for (_, job) in std::mem::take(&mut self.jobs) {
                    job.fail(error.clone());
                }
                return Err(error);
            }
        }
    }

    /// Turns a message into jobs and lanes.
    pub(crate) fn admit(&mut self, message: Message) {
        match message {
            Message::Score(requests) => {
                for (request, reply) in requests {
                    self.admit_score(request, reply);
                }
            }
            Message::Sample(request, sampler, reply) => self.admit_sample(&request, sampler, reply),
        }
    }

    fn admit_score(&mut self, request: ScoreRequest, reply: Reply<ScoreReply>) {
        let tree = DraftTree::new(&request.drafts);
        let rows = vec![None; 1 + tree.nodes.len()];
        let job = ScoreJob { tree, rows, usage: Usage::default(), reply };
        self.lanes.push(Lane::new(self.next_job, request.context, Vec::new()));
        self.jobs.insert(self.next_job, Job::Score(Box::new(job)));
        self.next_job += 1;
    }

    fn admit_sample(
        &mut self,
        request: &SampleRequest,
        sampler: Sampler,
        reply: Reply<(Vec<crate::api::Sample>, Usage)>,
    ) {
        let context = request.context.len();
        let mut progress = Vec::with_capacity(request.continuations.len());
        let mut groups: BTreeMap<&[TokenId], Vec<usize>> = BTreeMap::new();
        for (index, asked) in request.continuations.iter().enumerate() {
            let room = self.limits.context - context - asked.prefix.len();
            let one = Progress::new(asked, room, request.want_distributions);
            if !one.done() {
                groups.entry(&asked.prefix).or_default().push(index);
            }
            progress.push(one);
        }
        for (prefix, continuations) in &groups {
            let tokens = [&request.context, *prefix].concat();
            self.lanes.push(Lane::new(self.next_job, tokens, continuations.clone()));
        }
        let idle = groups.is_empty();
        let want_distributions = request.want_distributions;
        let usage = Usage::default();
        let job =
            Job::Sample(Box::new(SampleJob { context, want_distributions, progress, sampler, usage, reply }));
        if idle {
            job.finish();
        } else {
            self.jobs.insert(self.next_job, job);
            self.next_job += 1;
        }
    }

    /// One round: plan, compute, distribute. An error is fatal.
    pub(crate) fn turn(&mut self) -> Result<(), String> {
        self.drop_cancelled();
        self.plan_lanes();
        self.sweep();
        if self.lanes.is_empty() {
            return Ok(());
        }
        loop {
            self.fill_batch()?;
            if self.carried.is_empty() {
                // Only lanes that wait for each other's places are left: wake them, oldest first.
                for lane in &mut self.lanes {
                    lane.parked = false;
                }
                return Ok(());
            }
            match self.device.compute() {
                Ok(()) => break,
                Err(ComputeError::Full) => self.make_room()?,
                Err(ComputeError::Fatal(reason)) => return Err(reason),
            }
        }
        self.distribute();
        self.sweep();
        Ok(())
    }

    /// Puts pending tokens into the device's batch: lanes that need a single token first, then the oldest jobs'.
    fn fill_batch(&mut self) -> Result<(), String> {
        let mut order: Vec<usize> =
            (0..self.lanes.len()).filter(|lane| self.lanes[*lane].pending() > 0).collect();
        order.sort_by_key(|lane| (self.lanes[*lane].pending() > 1, self.lanes[*lane].job));
        self.carried.clear();
        self.device.clear();
        for index in order {
            let Some(plan) = &self.lanes[index].plan else { continue };
            for at in plan.next..plan.work.len() {
                if self.carried.len() == self.limits.batch {
                    return Ok(());
                }
                let work = &plan.work[at];
                let sequences = &plan.sequences[work.sequences.clone()];
                let added = self.device.add(work.token, work.position, sequences, work.row.is_some());
                if let Err(ComputeError::Fatal(reason)) = added {
                    return Err(reason);
                }
                self.carried.push((index, at));
            }
        }
        Ok(())
    }

    /// After a batch that found no room: forget an idle sequence, else take the youngest lane's place away, else give up on
    /// the only lane there is.
    fn make_room(&mut self) -> Result<(), String> {
        if self.cache.evict(&mut self.device) {
            return Ok(());
        }
        let mut running: Vec<usize> =
            (0..self.lanes.len()).filter(|lane| self.lanes[*lane].plan.is_some()).collect();
        running.sort_by_key(|lane| self.lanes[*lane].job);
        let Some(youngest) = running.last().copied() else {
            return Err("the key-value memory is full although nothing is in it".to_owned());
        };
        self.give_up_place(youngest);
        if running.len() == 1 {
            let lane = &self.lanes[youngest];
            let error = ModelError::CacheFull {
                reason: format!(
                    "a request of {} tokens did not fit into {} cached tokens; raise the number of cache tokens",
                    lane.tokens.len(),
                    self.limits.cells
                ),
            };
            self.fail_job(lane.job, error);
            self.sweep();
        } else {
            self.lanes[youngest].parked = true;
        }
        Ok(())
    }

    /// Releases the sequences of a lane; what they hold becomes idle.
    pub(crate) fn give_up_place(&mut self, lane: usize) {
        if let Some(plan) = self.lanes[lane].plan.take() {
            for id in plan.sequences {
                self.cache.release(id, &mut self.device);
            }
        }
    }

    /// Ends a job with an error, and its lanes with it.
    pub(crate) fn fail_job(&mut self, job: u64, error: ModelError) {
        if let Some(job) = self.jobs.remove(&job) {
            job.fail(error);
        }
        for lane in self.lanes.iter_mut().filter(|lane| lane.job == job) {
            lane.ended = true;
        }
    }

    fn drop_cancelled(&mut self) {
        self.jobs.retain(|_, job| !job.cancelled());
        for lane in &mut self.lanes {
            lane.ended |= !self.jobs.contains_key(&lane.job);
        }
        self.sweep();
    }

    /// Removes lanes that have ended; their places may be what others wait for.
    fn sweep(&mut self) {
        let mut index = 0;
        let mut removed = false;
        while index < self.lanes.len() {
            if self.lanes[index].ended {
                self.give_up_place(index);
                self.lanes.swap_remove(index);
                removed = true;
            } else {
                index += 1;
            }
        }
        if removed {
            for lane in &mut self.lanes {
                lane.parked = false;
            }
        }
    }
}

/// A plan for one sequence.
pub(crate) fn linear_plan(sequence: usize, tokens: &[TokenId], have: usize) -> Plan {
    let last = tokens.len() - 1;
    let work = (have..tokens.len())
        .map(|position| Work {
            token: tokens[position],
            position,
            sequences: 0..1,
            row: (position == last).then_some(0),
        })
        .collect();
    Plan { sequences: vec![sequence], work, next: 0 }
}
