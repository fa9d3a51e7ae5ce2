//! An agent: several workers over one board, a heartbeat, and a look-out for tasks that others solved. It may be killed at any
//! moment; stopped in peace, it gives back what it holds.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use egcfg_guidance::{ExecutionCache, Stats};
use egcfg_task::Task;
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::claim::{AgentId, AgentState, Claim, Claims, Published};
use crate::config::{BestOfBudget, Experiment};
use crate::result::ResultFile;
use crate::run::board::{Board, Next};
use crate::run::event::{RunEvent, RunSink};
use crate::run::heartbeat::Heartbeat;
use crate::run::log::EventLog;
use crate::run::plan::{Plan, Unit};
use crate::run::work::{Bench, ERROR_VERSION, ErrorRecord, Parts, Trouble};
use crate::store::{Keep, Layout, Store, StoreError};

/// How an agent works; none of it changes a result.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Units at the same time.
    pub jobs: usize,
    /// How long the heartbeat may stand still before others take over.
    pub lease: Duration,
    /// How often a unit may fail for reasons that are not its program's.
    pub max_attempts: u32,
    /// After so many failures in a row the agent gives up.
    pub failures_in_a_row: usize,
    /// Keep event logs.
    pub events: bool,
    /// Forget the errors of earlier starts.
    pub retry_errors: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            jobs: 1,
            lease: Duration::from_secs(60),
            max_attempts: 3,
            failures_in_a_row: 5,
            events: true,
            retry_errors: false,
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Summary {
    /// Units in all.
    pub total: usize,
    /// Units with a result.
    pub done: usize,
    /// Units that were not needed any more.
    pub dropped: usize,
    /// Units given up after infrastructure errors.
    pub failed: usize,
    /// Tasks that some unit solved.
    pub solved_tasks: usize,
    /// Results that this agent published.
    pub published: usize,
    /// Tokens that it generated for them.
    pub tokens: usize,
    /// What they cost in requests to the model's server: `requests`, `guided_requests` and `guided_lines`.
    pub cost: Stats,
    /// It was asked to stop.
    pub interrupted: bool,
    /// The error of one of the units that were given up.
    pub trouble: Option<ErrorRecord>,
}

/// Why an agent gave up.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RunError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Unit after unit failed.
    #[error("{failures} units failed one after the other, the last with: {message}")]
    Failing {
        /// How many.
        failures: usize,
        /// `model`, `sandbox` or `prompt`.
        kind: String,
        /// The last failure.
        message: String,
    },
}

/// One process's part in an experiment.
pub struct Agent {
    bench: Bench,
    store: Store,
    claims: Claims,
    options: Options,
    poll: Duration,
    id: AgentId,
    heartbeat: Arc<Heartbeat>,
    board: tokio::sync::Mutex<Board>,
    sink: Arc<dyn RunSink>,
    /// Set to stop all workers: asked to, or after an error.
    halt: watch::Sender<bool>,
    /// Solved tasks, by file name; only filled with `until_solved`.
    solved: watch::Sender<HashSet<String>>,
    /// Programs that ran, per task; those of the last few tasks.
    caches: Mutex<VecDeque<(usize, Arc<ExecutionCache>)>>,
    failures: Mutex<usize>,
}

impl Agent {
    /// An agent over `store`, the experiment's root.
    pub fn new(
        parts: Parts,
        experiment: Experiment,
        tasks: Vec<Task>,
        plan: Plan,
        store: Store,
        options: Options,
        sink: Arc<dyn RunSink>,
    ) -> Self {
        let (id, plan) = (AgentId::here(), Arc::new(plan));
        let claims = Claims::new(store.clone(), &id.id, options.lease);
        let poll = (options.lease / 10).clamp(Duration::from_millis(50), Duration::from_secs(5));
        let board = Board::new(
            Arc::clone(&plan),
            store.clone(),
            claims.clone(),
            &id.id,
            experiment.until_solved,
            matches!(experiment.best_of, BestOfBudget::Equal(_)),
            options.max_attempts.max(1),
            poll,
        );
        Self {
            heartbeat: Heartbeat::new(store.clone(), &id, options.lease),
            board: tokio::sync::Mutex::new(board),
            bench: Bench { parts, experiment, tasks, plan },
            halt: watch::Sender::new(false),
            solved: watch::Sender::default(),
            caches: Mutex::default(),
            failures: Mutex::default(),
            store,
            claims,
            options,
            poll,
            id,
            sink,
        }
    }

    /// This agent's name.
    pub fn id(&self) -> &str {
        &self.id.id
    }

    /// Asks the agent to stop: it drops what it works on and gives its claims back.
    pub fn stop(&self) {
        self.halt.send_replace(true);
    }

    /// Works until every unit is settled, or until it is stopped.
    pub async fn run(self: Arc<Self>) -> Result<Summary, RunError> {
        if self.options.retry_errors {
            self.forget_errors().await?;
        }
        self.heartbeat.beat().await?;
        let beats = Abort(tokio::spawn(Arc::clone(&self.heartbeat).keep(self.options.lease / 6)));
        let lookout = Abort(tokio::spawn(Arc::clone(&self).look_out()));
        let stopped_early = *self.halt.borrow();
        let mut outcome = Ok(());
        if !stopped_early {
            let surveyed = self.board.lock().await.survey().await;
            outcome = surveyed.map_err(RunError::from);
            self.report_survey().await;
        }
        let mut workers = JoinSet::new();
        if outcome.is_ok() {
            for _ in 0..self.options.jobs.max(1) {
                workers.spawn(Arc::clone(&self).worker());
            }
        }
        let asked = |agent: &Self| *agent.halt.borrow();
        let mut interrupted = stopped_early;
        while let Some(ended) = workers.join_next().await {
            let ended = ended.unwrap_or_else(|panic| {
                let (action, place) = ("work on", "a unit".to_owned());
                Err(StoreError { action, place, reason: panic.to_string() }.into())
            });
            if let Err(error) = ended {
                if outcome.is_ok() {
                    outcome = Err(error);
                    self.stop();
                }
            } else if outcome.is_ok() {
                interrupted |= asked(&self);
            }
        }
        drop((beats, lookout));
        let state = match (&outcome, interrupted) {
            (Err(_), _) => AgentState::Failed,
            (_, true) => AgentState::Interrupted,
            _ => AgentState::Finished,
        };
        let ended = self.heartbeat.end(state).await;
        outcome?;
        ended?;
        let (counts, given_up) = {
            let board = self.board.lock().await;
            (board.counts(), board.given_up())
        };
        let record = self.heartbeat.snapshot();
        Ok(Summary {
            trouble: match given_up {
                Some(unit) => self.last_error(&self.bench.plan.units[unit]).await?,
                None => None,
            },
            total: self.bench.plan.units.len(),
            done: counts.done,
            dropped: counts.dropped,
            failed: counts.given_up,
            solved_tasks: self.store.files(Layout::SOLVED).await?.len(),
            published: record.done,
            tokens: record.tokens,
            cost: Stats {
                requests: record.requests,
                guided_requests: record.guided_requests,
                guided_lines: record.guided_lines,
                ..Stats::default()
            },
            interrupted,
        })
    }

    async fn worker(self: Arc<Self>) -> Result<(), RunError> {
        let mut halt = self.halt.subscribe();
        let mut waited = false;
        loop {
            if *halt.borrow_and_update() {
                return Ok(());
            }
            let next = self.board.lock().await.next().await?;
            match next {
                Next::Finished => return Ok(()),
                Next::Wait(open) => {
                    if !waited {
                        self.sink.emit(&RunEvent::Waiting { open });
                    }
                    waited = true;
                    tokio::select! {
                        () = tokio::time::sleep(self.poll) => {}
                        _ = halt.changed() => {}
                    }
                }
                Next::Work(index, claim) => {
                    waited = false;
                    self.unit(index, &claim, &mut halt).await?;
                }
            }
        }
    }

    /// Carries out a claimed unit to its end, whatever that is.
    async fn unit(
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
        let name = crate::store::file_name(&unit.task_id);
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
            Ended::Done(Err(trouble)) => self.fail(index, claim, &trouble, &log).await,
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
                    self.note_solved([crate::store::file_name(&unit.task_id)]).await;
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
        trouble: &Trouble,
        log: &EventLog,
    ) -> Result<(), RunError> {
        let unit = &self.bench.plan.units[index];
        let (attempt, last) = self.board.lock().await.failed(index, claim, trouble.permanent);
        let record = ErrorRecord {
            version: ERROR_VERSION,
            task: unit.task_id.clone(),
            unit: unit.label(),
            agent: self.id.id.clone(),
            attempt,
            kind: trouble.kind.to_owned(),
            message: trouble.message.clone(),
            permanent: trouble.permanent,
            time: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64(),
        };
        let number = if trouble.permanent { self.options.max_attempts.max(attempt) } else { attempt };
        let key = Layout::error(&unit.folder, &unit.stem, number);
        self.store.put(&key, crate::claim::pretty(&record), Keep::Durably).await?;
        if !self.claims.release(claim, &format!("{} error", trouble.kind)).await? {
            self.board.lock().await.lost(index);
        }
        log.discard(&self.store).await;
        self.heartbeat.update(|record, _| {
            record.errors += 1;
            record.last_error = Some(trouble.message.clone());
        });
        self.sink.emit(&RunEvent::Failed { unit, attempt, message: &trouble.message, last });
        let failures = {
            let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
            // A prompt that does not fit says nothing about the next one.
            *failures += usize::from(!trouble.permanent);
            *failures
        };
        if failures >= self.options.failures_in_a_row {
            let (kind, message) = (trouble.kind.to_owned(), trouble.message.clone());
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

    /// The tokens that a unit may generate, where its method has a budget.
    async fn budget(&self, index: usize) -> Result<Option<usize>, StoreError> {
        let Some(keys) = self.board.lock().await.guided_results(index) else { return Ok(None) };
        let mut tokens = 0;
        for key in keys {
            let bytes = self.store.get(&key).await?;
            let file = bytes.and_then(|bytes| serde_json::from_slice::<ResultFile>(&bytes).ok());
            tokens += file.and_then(|file| file.egcfg).map_or(0, |ours| ours.cost.generated_tokens());
        }
        Ok(Some(tokens))
    }

    fn cache(&self, task: usize) -> Arc<ExecutionCache> {
        let mut caches = self.caches.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, cache)) = caches.iter().find(|(known, _)| *known == task) {
            return Arc::clone(cache);
        }
        let cache = Arc::new(ExecutionCache::default());
        caches.push_back((task, Arc::clone(&cache)));
        if caches.len() > self.options.jobs + 4 {
            caches.pop_front();
        }
        cache
    }

    /// Sees what others solved, while units are being worked on.
    async fn look_out(self: Arc<Self>) {
        if !self.bench.experiment.until_solved {
            return;
        }
        loop {
            tokio::time::sleep(self.poll).await;
            // A look that fails is repeated.
            if let Ok(names) = self.store.files(Layout::SOLVED).await {
                self.note_solved(names.iter().filter_map(|n| n.strip_suffix(".json")).map(str::to_owned))
                    .await;
            }
        }
    }

    async fn note_solved(&self, names: impl IntoIterator<Item = String>) {
        let mut fresh = false;
        self.solved.send_if_modified(|known| {
            for name in names {
                fresh |= known.insert(name);
            }
            fresh
        });
        if fresh {
            let solved = self.solved.borrow().clone();
            self.board.lock().await.solved(&solved);
        }
    }

    async fn last_error(&self, unit: &Unit) -> Result<Option<ErrorRecord>, StoreError> {
        let folder = format!("{}/{}", Layout::ERRORS, unit.folder);
        let start = format!("{}_attempt=", unit.stem);
        let names = self.store.files(&folder).await?;
        let Some(name) = names.iter().rfind(|name| name.starts_with(&start)) else { return Ok(None) };
        let bytes = self.store.get(&format!("{folder}/{name}")).await?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    async fn forget_errors(&self) -> Result<(), StoreError> {
        for folder in self.store.folders(Layout::ERRORS).await? {
            let folder = format!("{}/{folder}", Layout::ERRORS);
            for name in self.store.files(&folder).await? {
                self.store.delete(&format!("{folder}/{name}")).await?;
            }
        }
        Ok(())
    }

    async fn report_survey(&self) {
        let counts = self.board.lock().await.counts();
        self.sink.emit(&RunEvent::Surveyed {
            done: counts.done,
            dropped: counts.dropped,
            failed: counts.given_up,
            total: self.bench.plan.units.len(),
        });
    }
}

/// How the work on a unit ended.
enum Ended {
    Done(Result<Box<ResultFile>, Trouble>),
    Stopped,
    Solved,
}

/// Ends a task when dropped.
struct Abort(tokio::task::JoinHandle<()>);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl std::fmt::Debug for Agent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Agent").field("id", &self.id).finish_non_exhaustive()
    }
}
