//! How the board learns from the store what others did: results, solved tasks, errors, and the chains of claims, from whose
//! last record follows whether a unit is free.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use egcfg_results::Layout;

use crate::claim::{Record, State};
use crate::store::StoreError;

use super::{Board, Status};

impl Board {
    /// Brings the view up to date: results, solved tasks, errors and claims of every folder that still has work.
    pub(crate) async fn survey(&mut self) -> Result<(), StoreError> {
        if self.until_solved {
            let solved = self.store.files(Layout::SOLVED).await?;
            self.solved(
                &solved.iter().filter_map(|name| name.strip_suffix(".json")).map(str::to_owned).collect(),
            );
        }
        for cell in 0..self.plan.cells.len() {
            let working =
                |(unit, status): (&crate::run::Unit, &Status)| unit.cell == cell && !status.settled();
            if self.surveyed.is_none() || self.plan.units.iter().zip(&self.status).any(working) {
                self.survey_cell(cell).await?;
            }
        }
        self.surveyed = Some(Instant::now());
        Ok(())
    }

    pub(super) async fn survey_cell(&mut self, cell: usize) -> Result<(), StoreError> {
        let folder = self.plan.cells[cell].folder.clone();
        // Claims first: a unit that is published in between shows its result below.
        let chains = self.claims.survey(&folder).await?;
        for name in self.store.files(&format!("{}/{folder}", Layout::ERRORS)).await? {
            self.note_error(cell, &name);
        }
        for name in self.store.files(&folder).await? {
            let Some(stem) = name.strip_suffix(".json") else { continue };
            let known = self.by_name.get(&(cell, stem.to_owned())).copied();
            if let Some(index) = known.filter(|index| self.status[*index] != Status::Mine) {
                self.status[index] = Status::Done;
            }
        }
        let held: Vec<(usize, String, u32)> = chains
            .into_iter()
            .filter_map(|(stem, epoch)| Some((*self.by_name.get(&(cell, stem.clone()))?, stem, epoch)))
            .collect();
        let mut touched = HashSet::new();
        for (index, stem, epoch) in held {
            touched.insert(index);
            match self.status[index] {
                Status::Mine => {}
                Status::Done | Status::Dropped => self.tidy(index, &folder, &stem, epoch).await?,
                _ => self.follow(index, &folder, &stem, epoch).await?,
            }
        }
        for (index, unit) in self.plan.units.iter().enumerate() {
            if unit.cell == cell && self.status[index] == Status::Foreign && !touched.contains(&index) {
                self.status[index] = Status::Open { epoch: 1 };
            }
        }
        Ok(())
    }

    /// An error's file counts against its unit, whoever wrote it.
    fn note_error(&mut self, cell: usize, name: &str) {
        let parsed = name.strip_suffix(".json").and_then(|name| name.rsplit_once("_attempt="));
        let Some((stem, attempt)) = parsed else { return };
        let Some(index) = self.by_name.get(&(cell, stem.to_owned())).copied() else { return };
        let attempt = attempt.parse().unwrap_or(self.max_attempts);
        self.attempts[index] = self.attempts[index].max(attempt);
        let waits = matches!(self.status[index], Status::Open { .. } | Status::Foreign);
        if waits && self.attempts[index] >= self.max_attempts {
            self.status[index] = Status::GivenUp;
        }
    }

    /// Decides from a chain's last record whether its unit is free.
    async fn follow(&mut self, index: usize, folder: &str, stem: &str, epoch: u32) -> Result<(), StoreError> {
        if self.status[index] == Status::GivenUp {
            return Ok(());
        }
        let Some(record) = self.record(index, folder, stem, epoch).await? else {
            self.status[index] = Status::Foreign;
            return Ok(());
        };
        let free = match &record.state {
            State::Released { .. } => true,
            _ => self.is_gone(&record).await?,
        };
        self.status[index] = match (&record.state, free) {
            (_, false) => Status::Foreign,
            (State::Committed { .. }, true) => {
                self.claims.finish(folder, stem, epoch, &record.state).await?;
                Status::Done
            }
            (_, true) => Status::Open { epoch: epoch + 1 },
        };
        Ok(())
    }

    /// Clears what a kill left of the chain of a unit that needs none any more.
    async fn tidy(&mut self, index: usize, folder: &str, stem: &str, epoch: u32) -> Result<(), StoreError> {
        let Some(record) = self.record(index, folder, stem, epoch).await? else { return Ok(()) };
        if matches!(record.state, State::Released { .. }) || self.is_gone(&record).await? {
            if matches!(record.state, State::Committed { .. }) {
                self.claims.finish(folder, stem, epoch, &record.state).await?;
            }
            for link in 1..=epoch {
                self.store.delete(&Layout::claim(folder, stem, link)).await?;
            }
        }
        Ok(())
    }

    async fn record(
        &mut self,
        index: usize,
        folder: &str,
        stem: &str,
        epoch: u32,
    ) -> Result<Option<Record>, StoreError> {
        if let Some(known) = self.records.get(&(index, epoch)) {
            return Ok(Some(known.clone()));
        }
        let record = self.claims.read(folder, stem, epoch).await?;
        // Results in records are large and soon gone; only claims are looked at again and again.
        if let Some(record) = record.as_ref().filter(|record| record.state == State::Claimed) {
            self.records.insert((index, epoch), record.clone());
        }
        Ok(record)
    }

    async fn is_gone(&mut self, record: &Record) -> Result<bool, StoreError> {
        // A record of ours that we do not know of: its creation was reported as an error.
        if record.agent == self.agent {
            return Ok(true);
        }
        let lease = Duration::try_from_secs_f64(record.lease_seconds).unwrap_or(Duration::from_secs(60));
        self.observer.expired(&self.store, &record.agent, lease.max(Duration::from_millis(100))).await
    }
}
