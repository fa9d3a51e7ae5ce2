//! An agent's heartbeat: the counter in its file goes up several times per lease, and with it the facts that a monitor shows.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use egcfg_results::{AgentRecord, AgentState, Layout};

use crate::claim::AgentId;
use crate::store::{Durability, Store, StoreError};

/// The shared state behind the file.
pub(crate) struct Heartbeat {
    store: Store,
    key: String,
    record: Mutex<(AgentRecord, BTreeSet<String>)>,
    /// Writes follow each other, so that an older one never lands last.
    writing: tokio::sync::Mutex<()>,
}

impl Heartbeat {
    pub(crate) fn new(store: Store, id: &AgentId, lease: Duration) -> Arc<Self> {
        let record = Mutex::new((id.record(lease.as_secs_f64()), BTreeSet::new()));
        Arc::new(Self { store, key: Layout::agent(&id.id), record, writing: tokio::sync::Mutex::new(()) })
    }

    /// Changes the facts; they are written with the next beat.
    pub(crate) fn update(&self, change: impl FnOnce(&mut AgentRecord, &mut BTreeSet<String>)) {
        let mut guard = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let (record, current) = &mut *guard;
        change(record, current);
    }

    /// Writes one beat.
    pub(crate) async fn beat(&self) -> Result<(), StoreError> {
        let _turn = self.writing.lock().await;
        let bytes = {
            let mut guard = self.record.lock().unwrap_or_else(PoisonError::into_inner);
            let (record, current) = &mut *guard;
            record.beat += 1;
            record.current = current.iter().cloned().collect();
            crate::claim::pretty(record)
        };
        self.store.put(&self.key, bytes, Durability::Buffered).await
    }

    /// Beats until dropped. A beat that fails is tried again with the next: others then wait a little less than the lease.
    pub(crate) async fn keep(self: Arc<Self>, every: Duration) {
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let _ = self.beat().await;
        }
    }

    /// The last beat.
    pub(crate) async fn end(&self, state: AgentState) -> Result<(), StoreError> {
        self.update(|record, current| {
            record.state = state;
            current.clear();
        });
        self.beat().await
    }

    pub(crate) fn snapshot(&self) -> AgentRecord {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }
}
