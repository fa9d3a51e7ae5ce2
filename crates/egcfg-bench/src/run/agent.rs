//! An agent: several workers over one board, a heartbeat, and a look-out for tasks that others solved. It may be killed at any
//! moment; stopped in peace, it gives back what it holds.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use egcfg_guidance::{ExecutionCache, Stats};
use egcfg_results::{AgentState, ErrorRecord, Experiment, Layout, ResultFile};
use egcfg_task::Task;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::claim::{AgentId, Claims};
use crate::run::board::{Board, Next};
use crate::run::event::{RunEvent, RunSink};
use crate::run::heartbeat::Heartbeat;
use crate::run::options::{Options, RunError, Summary};
use crate::run::plan::{Plan, Unit};
use crate::run::work::{Bench, Parts};
use crate::store::{Store, StoreError};

mod settle;

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
            experiment.best_of.is_equal(),
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

    /// The data set and the model that it works on, by their names.
    pub fn about(&self) -> (String, String) {
        (self.bench.experiment.dataset.clone(), self.bench.experiment.model.clone())
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
            self.set_aside().await?;
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
                Next::Wait(held) => {
                    if held > 0 && !waited {
                        self.sink.emit(&RunEvent::Waiting { held });
                        waited = true;
                    }
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

    /// The tokens that a unit may generate, where its method has a budget.
    async fn budget(&self, index: usize) -> Result<Option<usize>, StoreError> {
        let Some(keys) = self.board.lock().await.guided_results(index) else {
            let takes_one = self.bench.plan.facts(&self.bench.plan.units[index]).takes_budget;
            return Ok(self.bench.experiment.budget.filter(|_| takes_one));
        };
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

    /// Gives results that cannot be read (cut short by a crash of the machine, links, what is no file) another name, so that their
    /// units are run again. Results in a bucket are whole or not there.
    async fn set_aside(&self) -> Result<(), StoreError> {
        for unit in &self.bench.plan.units {
            let key = Layout::result(&unit.folder, &unit.stem);
            let Some(path) = self.store.local_path(&key) else { return Ok(()) };
            if path.symlink_metadata().is_err() {
                continue;
            }
            let fault = match egcfg_results::read::bytes(&path) {
                Ok(bytes) if bytes.is_empty() => "it is empty".to_owned(),
                Ok(bytes) => {
                    match serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&bytes) {
                        Ok(_) => continue,
                        Err(error) if error.is_data() => "it holds no object".to_owned(),
                        Err(error) => format!("it is no whole JSON ({error})"),
                    }
                }
                Err(reason) => reason,
            };
            self.store.rename(&key, &format!("{key}.unreadable")).await?;
            self.sink.emit(&RunEvent::SetAside { place: &path.display().to_string(), reason: &fault });
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
