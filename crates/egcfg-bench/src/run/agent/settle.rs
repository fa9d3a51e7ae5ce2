//! A claimed unit, from its begin to one of its ends: published, failed, given back. Only the begin can be interrupted; what
//! has been decided about a unit is carried out.

use std::sync::PoisonError;
use std::time::{SystemTime, UNIX_EPOCH};

use egcfg_results::{ERROR_VERSION, ErrorRecord, Layout, ResultFile, file_name};
use tokio::sync::watch;

use crate::claim::{Claim, Published};
use crate::run::event::RunEvent;
use crate::run::log::EventLog;
use crate::run::options::RunError;
use crate::run::work::UnitError;
use crate::store::{Durability, StoreError};

use super::Agent;

impl Agent {
    /// Carries out a claimed unit to its end, whatever that is.
    pub(super) async fn unit(
        &self,
        index: usize,
        claim: &Claim,
        halt: &mut watch::Receiver<bool>,
    ) -> Result<(), RunError> {
        let unit = &self.bench.plan.units[index];
        self.heartbeat.update(|_, current| {
            current.insert(unit.label());
        });
        self.sink.emit(&RunEvent::Began { unit, epoch: claim.epoch });
        let log = if self.options.events {
            EventLog::open(&self.store, claim, &unit.task_id)?
        } else {
            EventLog::none()
        };
        let mut solved = self.solved.subscribe();
        let name = file_name(&unit.task_id);
        let work = async {
            let budget = self.budget(index).await?;
            let cache = self.cache(unit.task);
            Ok::<_, StoreError>(self.bench.carry_out(unit, budget, &cache, &log).await.map(Box::new))
        };
        let ended = tokio::select! {
            done = work => Ended::Done(done?),
            // The sender lives as long as the agent: an error here cannot be.
            _ = halt.wait_for(|halted| *halted) => Ended::Stopped,
            _ = solved.wait_for(|solved| solved.contains(&name)) => Ended::Solved,
        };
        // From here on nothing is given up half-way.
        let result = match ended {
            Ended::Done(Ok(result)) => self.publish(index, claim, *result, &log).await,
            Ended::Done(Err(error)) => self.fail(index, claim, &error, &log).await,
            Ended::Stopped => self.give_back(index, claim, "interrupted", &log).await,
            Ended::Solved => {
                self.sink.emit(&RunEvent::Dropped { unit });
                self.give_back(index, claim, "solved elsewhere", &log).await
            }
        };
        self.heartbeat.update(|_, current| {
            current.remove(&unit.label());
        });
        result
    }

    async fn publish(
        &self,
        index: usize,
        claim: &Claim,
        mut result: ResultFile,
        log: &EventLog,
    ) -> Result<(), RunError> {
        let unit = &self.bench.plan.units[index];
        if let Some(ours) = &mut result.egcfg {
            ours.agent.clone_from(&self.id.id);
            ours.epoch = Some(claim.epoch);
        }
        let passed = result.passed;
        let shown_passed = result.egcfg.as_ref().and_then(|ours| ours.shown_passed).unwrap_or(false);
        let cost = result.egcfg.as_ref().map(|ours| ours.cost).unwrap_or_default();
        let (tokens, seconds) = result.stats.map_or((0, 0.0), |stats| (stats.output_tokens, stats.duration));
        log.upload(&self.store).await?;
        match self.claims.publish(claim, &unit.task_id, result).await? {
            Published::Yes => {
                *self.failures.lock().unwrap_or_else(PoisonError::into_inner) = 0;
                self.heartbeat.update(|record, _| {
                    record.done += 1;
                    record.passed += usize::from(passed);
                    record.tokens += tokens;
                    record.requests += cost.requests;
                    record.guided_requests += cost.guided_requests;
                    record.guided_lines += cost.guided_lines;
                });
                self.board.lock().await.published(index);
                self.sink.emit(&RunEvent::Published { unit, passed, shown_passed, tokens, seconds });
                if passed && self.bench.experiment.until_solved {
                    self.note_solved([file_name(&unit.task_id)]).await;
                }
            }
            Published::Lost => {
                log.discard(&self.store).await;
                self.board.lock().await.lost(index);
                self.sink.emit(&RunEvent::Lost { unit });
            }
        }
        Ok(())
    }

    async fn fail(
        &self,
        index: usize,
        claim: &Claim,
        error: &UnitError,
        log: &EventLog,
    ) -> Result<(), RunError> {
        let unit = &self.bench.plan.units[index];
        let (attempt, last) = self.board.lock().await.failed(index, claim, error.permanent);
        let record = ErrorRecord {
            version: ERROR_VERSION,
            task: unit.task_id.clone(),
            unit: unit.label(),
            agent: self.id.id.clone(),
            attempt,
            kind: error.kind.to_owned(),
            message: error.message.clone(),
            permanent: error.permanent,
            time: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64(),
        };
        let number = if error.permanent { self.options.max_attempts.max(attempt) } else { attempt };
        let key = Layout::error(&unit.folder, &unit.stem, number);
        self.store.put(&key, crate::claim::pretty(&record), Durability::Synced).await?;
        if !self.claims.release(claim, &format!("{} error", error.kind)).await? {
            self.board.lock().await.lost(index);
        }
        log.discard(&self.store).await;
        self.heartbeat.update(|record, _| {
            record.errors += 1;
            record.last_error = Some(error.message.clone());
        });
        self.sink.emit(&RunEvent::Failed { unit, attempt, message: &error.message, last });
        let failures = {
            let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
            // A prompt that does not fit says nothing about the next one.
            *failures += usize::from(!error.permanent);
            *failures
        };
        if failures >= self.options.failures_in_a_row {
            let (kind, message) = (error.kind.to_owned(), error.message.clone());
            return Err(RunError::Failing { failures, kind, message });
        }
        Ok(())
    }

    async fn give_back(
        &self,
        index: usize,
        claim: &Claim,
        reason: &str,
        log: &EventLog,
    ) -> Result<(), RunError> {
        let released = self.claims.release(claim, reason).await?;
        log.discard(&self.store).await;
        let mut board = self.board.lock().await;
        if released {
            board.released(index, claim);
        } else {
            board.lost(index);
        }
        let solved = self.solved.borrow().clone();
        board.solved(&solved);
        Ok(())
    }
}

/// How the work on a unit ended.
enum Ended {
    Done(Result<Box<ResultFile>, UnitError>),
    Stopped,
    Solved,
}
