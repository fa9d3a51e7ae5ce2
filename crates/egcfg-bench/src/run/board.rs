//! What one agent knows of all units, and which it takes next. The store is the truth; the board is a view of it that may be
//! old, which costs a failed claim and never a wrong result.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use egcfg_results::file_name;

use crate::claim::{Claim, Claims, Observer, Record};
use crate::run::plan::Plan;
use crate::store::{Store, StoreError};

mod survey;

/// Where a unit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    /// Free; a claim goes to this link of its chain.
    Open { epoch: u32 },
    /// This agent works on it.
    Mine,
    /// Another does.
    Foreign,
    /// Its result is published.
    Done,
    /// Its task is solved, and that is enough.
    Dropped,
    /// It failed too often.
    GivenUp,
}

impl Status {
    fn settled(self) -> bool {
        matches!(self, Self::Done | Self::Dropped | Self::GivenUp)
    }
}

/// What to do next.
#[derive(Debug)]
pub(crate) enum Next {
    /// This unit, under this claim.
    Work(usize, Claim),
    /// Nothing can be begun now; others hold so many units.
    Wait(usize),
    /// Every unit is settled.
    Finished,
}

/// How units stand, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) done: usize,
    pub(crate) dropped: usize,
    pub(crate) given_up: usize,
}

pub(crate) struct Board {
    plan: Arc<Plan>,
    store: Store,
    claims: Claims,
    observer: Observer,
    agent: String,
    /// Rules of the run.
    until_solved: bool,
    equal_budget: bool,
    max_attempts: u32,
    poll: Duration,
    status: Vec<Status>,
    /// Infrastructure errors per unit, and when it may be tried again.
    attempts: Vec<u32>,
    not_before: Vec<Option<Instant>>,
    /// Units in the order in which this agent looks at them.
    order: Vec<usize>,
    /// Guided units per task.
    guided: HashMap<usize, Vec<usize>>,
    by_name: HashMap<(usize, String), usize>,
    /// Records of other agents, which never change.
    records: HashMap<(usize, u32), Record>,
    surveyed: Option<Instant>,
}

impl Board {
    #[expect(clippy::too_many_arguments, reason = "the parts of a run, named once")]
    pub(crate) fn new(
        plan: Arc<Plan>,
        store: Store,
        claims: Claims,
        agent: &str,
        until_solved: bool,
        equal_budget: bool,
        max_attempts: u32,
        poll: Duration,
    ) -> Self {
        let units = plan.units.len();
        let mut guided: HashMap<usize, Vec<usize>> = HashMap::new();
        let mut by_name = HashMap::with_capacity(units);
        for (index, unit) in plan.units.iter().enumerate() {
            if plan.facts(unit).uses_gamma {
                guided.entry(unit.task).or_default().push(index);
            }
            by_name.insert((unit.cell, unit.stem.clone()), index);
        }
        Self {
            order: order(&plan, agent),
            status: vec![Status::Open { epoch: 1 }; units],
            attempts: vec![0; units],
            not_before: vec![None; units],
            agent: agent.to_owned(),
            observer: Observer::default(),
            records: HashMap::new(),
            surveyed: None,
            plan,
            store,
            claims,
            until_solved,
            equal_budget,
            max_attempts,
            poll,
            guided,
            by_name,
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        let count = |wanted: Status| self.status.iter().filter(|status| **status == wanted).count();
        Counts {
            done: count(Status::Done),
            dropped: count(Status::Dropped),
            given_up: count(Status::GivenUp),
        }
    }

    /// A unit that was given up, if there is one.
    pub(crate) fn given_up(&self) -> Option<usize> {
        self.status.iter().position(|status| *status == Status::GivenUp)
    }

    /// Claims the next unit, or says why there is none.
    pub(crate) async fn next(&mut self) -> Result<Next, StoreError> {
        if self.surveyed.is_none() {
            self.survey().await?;
        }
        let mut misses = 0;
        loop {
            while let Some(index) = self.pick(Instant::now()) {
                if let Some(claim) = self.take(index).await? {
                    return Ok(Next::Work(index, claim));
                }
                misses += 1;
                // Others are working here: look at what they have, rather than run into each of their claims.
                if misses % 4 == 0 {
                    self.survey_cell(self.plan.units[index].cell).await?;
                }
            }
            if self.status.iter().all(|status| status.settled()) {
                return Ok(Next::Finished);
            }
            if self.surveyed.is_some_and(|at| at.elapsed() < self.poll) {
                let foreign = self.status.iter().filter(|status| **status == Status::Foreign).count();
                return Ok(Next::Wait(foreign));
            }
            self.survey().await?;
        }
    }

    async fn take(&mut self, index: usize) -> Result<Option<Claim>, StoreError> {
        let Status::Open { epoch } = self.status[index] else { return Ok(None) };
        let unit = &self.plan.units[index];
        let claim = self.claims.claim(&unit.folder, &unit.stem, epoch).await?;
        self.status[index] = if claim.is_some() { Status::Mine } else { Status::Foreign };
        Ok(claim)
    }

    /// The first unit that may be claimed; those that failed before come last.
    fn pick(&self, now: Instant) -> Option<usize> {
        let open = |index: &usize| matches!(self.status[*index], Status::Open { .. });
        let fresh = self.order.iter().copied().find(|i| open(i) && self.attempts[*i] == 0 && self.ready(*i));
        fresh.or_else(|| {
            let due = |index: usize| self.not_before[index].is_none_or(|at| at <= now);
            self.order.iter().copied().find(|i| open(i) && due(*i) && self.ready(*i))
        })
    }

    /// Whether what a unit needs to know is known.
    fn ready(&self, index: usize) -> bool {
        let unit = &self.plan.units[index];
        if self.until_solved && self.plan.predecessor(index).is_some_and(|i| !self.status[i].settled()) {
            return false;
        }
        let waits = self.equal_budget && self.plan.facts(unit).takes_budget;
        !waits || self.guided.get(&unit.task).is_none_or(|all| all.iter().all(|i| self.status[*i].settled()))
    }

    /// Keys of the guided results of a unit's task, whose tokens are the budget of the methods compared with it.
    pub(crate) fn guided_results(&self, index: usize) -> Option<Vec<String>> {
        let unit = &self.plan.units[index];
        if !self.equal_budget || !self.plan.facts(unit).takes_budget {
            return None;
        }
        let all = self.guided.get(&unit.task)?;
        Some(all.iter().map(|i| self.plan.units[*i].result()).collect())
    }

    pub(crate) fn published(&mut self, index: usize) {
        self.status[index] = Status::Done;
    }

    /// Another holds the unit now, or has published it.
    pub(crate) fn lost(&mut self, index: usize) {
        self.status[index] = Status::Foreign;
    }

    pub(crate) fn released(&mut self, index: usize, claim: &Claim) {
        self.status[index] = Status::Open { epoch: claim.epoch + 2 };
    }

    /// The task of a unit is solved; with `until_solved`, its other units are dropped.
    pub(crate) fn solved(&mut self, solved: &HashSet<String>) {
        if !self.until_solved {
            return;
        }
        for (unit, status) in self.plan.units.iter().zip(&mut self.status) {
            let open = !status.settled() && *status != Status::Mine;
            if open && solved.contains(&file_name(&unit.task_id)) {
                *status = Status::Dropped;
            }
        }
    }

    /// A unit failed; returns which attempt it was, and whether it is given up.
    pub(crate) fn failed(&mut self, index: usize, claim: &Claim, permanent: bool) -> (u32, bool) {
        self.attempts[index] += 1;
        let attempt = self.attempts[index];
        let last = permanent || attempt >= self.max_attempts;
        let pause = self.poll * 2_u32.saturating_pow(attempt.min(8));
        self.not_before[index] = Some(Instant::now() + pause);
        self.status[index] = if last { Status::GivenUp } else { Status::Open { epoch: claim.epoch + 2 } };
        (attempt, last)
    }
}

/// The plan's order, the tasks of each cell rotated by the agent's name, so that agents do not begin at the same unit.
fn order(plan: &Plan, agent: &str) -> Vec<usize> {
    let shift = egcfg_task::derive_seed(0, &[agent]) as usize;
    let mut order = Vec::with_capacity(plan.units.len());
    let mut start = 0;
    for cell in 0..plan.cells.len() {
        let end = start + plan.units[start..].iter().take_while(|unit| unit.cell == cell).count();
        let tasks = plan.units[start..end].last().map_or(1, |unit| unit.task + 1);
        let from = plan.units[start..end].partition_point(|unit| unit.task < shift % tasks) + start;
        order.extend((from..end).chain(start..from));
        start = end;
    }
    order
}
