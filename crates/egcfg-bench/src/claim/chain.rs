//! The chain of records of one unit: claiming, releasing, committing, publishing.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use egcfg_results::{Layout, ResultFile};
use serde::{Deserialize, Serialize};

use crate::store::{Durability, Store, StoreError};

/// Version of [`Record`]; raised on purpose when a field changes its meaning.
pub const CLAIM_VERSION: u32 = 1;

/// One link of a unit's chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`CLAIM_VERSION`].
    pub version: u32,
    /// Its author.
    pub agent: String,
    /// Its place in the chain, from 1.
    pub epoch: u32,
    /// How long the author's heartbeat may stand still.
    pub lease_seconds: f64,
    /// Seconds since 1970, for people.
    pub time: f64,
    /// What it says.
    #[serde(flatten)]
    pub state: State,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// The author works on the unit.
    Claimed,
    /// The author gave it back; the next link is free.
    Released { reason: String },
    /// The unit's result; only its publication is left to do.
    Committed {
        /// The task's id.
        task: String,
        /// The epoch under which the work was done.
        worked: u32,
        result: Box<ResultFile>,
    },
}

/// A unit that this agent holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The configuration's folder.
    pub folder: String,
    /// The unit's name.
    pub stem: String,
    /// The link that makes it ours.
    pub epoch: u32,
}

/// How a publication ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// The result stands.
    Yes,
    /// The unit was taken over, or has another's result: nothing of ours was published.
    Lost,
}

/// Claims of one agent in one experiment.
#[derive(Debug, Clone)]
pub struct Claims {
    store: Store,
    agent: String,
    lease: Duration,
}

impl Claims {
    /// For an agent, with the lease that it promises to keep its heartbeat within.
    pub fn new(store: Store, agent: &str, lease: Duration) -> Self {
        Self { store, agent: agent.to_owned(), lease }
    }

    /// The last link of every chain in a configuration's folder, by unit name.
    pub async fn survey(&self, folder: &str) -> Result<HashMap<String, u32>, StoreError> {
        let mut last = HashMap::new();
        for name in self.store.files(&format!("{}/{folder}", Layout::CLAIMS)).await? {
            let link = name.strip_suffix(".json").and_then(|name| name.rsplit_once(".e"));
            let Some((stem, Ok(epoch))) = link.map(|(stem, epoch)| (stem, epoch.parse::<u32>())) else {
                continue;
            };
            let entry = last.entry(stem.to_owned()).or_insert(epoch);
            *entry = epoch.max(*entry);
        }
        Ok(last)
    }

    /// Reads a link; `None` when the chain was cleared away meanwhile (or the record is none of ours to understand).
    pub async fn read(&self, folder: &str, stem: &str, epoch: u32) -> Result<Option<Record>, StoreError> {
        let bytes = self.store.get(&Layout::claim(folder, stem, epoch)).await?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Tries to put a claim at `epoch`, the link after the last one that may be followed. `None`: another was faster, or the
    /// unit has a result.
    pub async fn claim(&self, folder: &str, stem: &str, epoch: u32) -> Result<Option<Claim>, StoreError> {
        if !self.link(folder, stem, epoch, State::Claimed, Durability::Buffered).await? {
            return Ok(None);
        }
        // The chain is cleared once a result stands; a claim made from an old view would begin it again.
        if self.store.exists(&Layout::result(folder, stem)).await? {
            self.store.delete(&Layout::claim(folder, stem, epoch)).await?;
            return Ok(None);
        }
        Ok(Some(Claim { folder: folder.to_owned(), stem: stem.to_owned(), epoch }))
    }

    /// Gives a unit back, so that anyone may claim it at once. `false`: it was taken over before.
    pub async fn release(&self, claim: &Claim, reason: &str) -> Result<bool, StoreError> {
        let state = State::Released { reason: reason.to_owned() };
        self.link(&claim.folder, &claim.stem, claim.epoch + 1, state, Durability::Buffered).await
    }

    /// Commits a result, and publishes it if the commit stands.
    pub async fn publish(
        &self,
        claim: &Claim,
        task: &str,
        result: ResultFile,
    ) -> Result<Published, StoreError> {
        let (folder, stem) = (&claim.folder, &claim.stem);
        let state = State::Committed { task: task.to_owned(), worked: claim.epoch, result: Box::new(result) };
        if !self.link(folder, stem, claim.epoch + 1, state.clone(), Durability::Synced).await? {
            return Ok(Published::Lost);
        }
        self.finish(folder, stem, claim.epoch + 1, &state).await
    }

    /// Carries out what a committed record at `epoch` says: the event log and the result get their names, the task its mark, and
    /// the chain is cleared. May be done by several agents at once, and again after a crash at any point.
    pub async fn finish(
        &self,
        folder: &str,
        stem: &str,
        epoch: u32,
        state: &State,
    ) -> Result<Published, StoreError> {
        let State::Committed { task, worked, result } = state else { return Ok(Published::Lost) };
        let key = Layout::result(folder, stem);
        let mut published = Published::Yes;
        if !self.store.exists(&key).await? {
            self.store
                .rename(&Layout::growing_events(folder, stem, *worked), &Layout::events(folder, stem))
                .await?;
        }
        if !self.store.create(&key, pretty(&**result), Durability::Synced).await?
            && !self.stands(&key, result).await?
        {
            published = Published::Lost;
        }
        if published == Published::Yes && result.passed {
            let mark = serde_json::json!({
                "version": CLAIM_VERSION,
                "task": task,
                "result": key,
                "agent": result.egcfg.as_ref().map(|ours| &ours.agent),
            });
            self.store.create(&Layout::solved(task), pretty(&mark), Durability::Synced).await?;
        }
        for link in 1..=epoch {
            self.store.delete(&Layout::claim(folder, stem, link)).await?;
        }
        // What agents that died or lost left of their logs.
        for earlier in 1..epoch {
            self.store.delete(&Layout::growing_events(folder, stem, earlier)).await?;
        }
        Ok(published)
    }

    /// Whether the result that stands is this one, written by a helper (whose digits may differ in the last place).
    async fn stands(&self, key: &str, result: &ResultFile) -> Result<bool, StoreError> {
        let bytes = self.store.get(key).await?;
        let found = bytes.and_then(|bytes| serde_json::from_slice::<ResultFile>(&bytes).ok());
        let author = |file: &ResultFile| file.egcfg.as_ref().map(|ours| (ours.agent.clone(), ours.epoch));
        Ok(found.is_some_and(|found| author(&found).is_some() && author(&found) == author(result)))
    }

    async fn link(
        &self,
        folder: &str,
        stem: &str,
        epoch: u32,
        state: State,
        durability: Durability,
    ) -> Result<bool, StoreError> {
        let record = Record {
            version: CLAIM_VERSION,
            agent: self.agent.clone(),
            epoch,
            lease_seconds: self.lease.as_secs_f64(),
            time: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64(),
            state,
        };
        self.store.create(&Layout::claim(folder, stem, epoch), pretty(&record), durability).await
    }
}

/// JSON as people read it, with a newline at its end.
pub(crate) fn pretty(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}
