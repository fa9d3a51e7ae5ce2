//! An experiment takes its place in the store: written once beside its results; a later start must say the same.

use egcfg_results::{Experiment, Layout, TaskCard};
use egcfg_task::Task;

use super::ConfigError;
use crate::store::{Durability, Store, StoreError};

/// Why results may not be added to a folder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettleError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What stands there cannot be read.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The folder belongs to another experiment.
    #[error("{place} is of another experiment; different: {}", keys.join(", "))]
    Different {
        /// The file.
        place: String,
        /// The keys.
        keys: Vec<String>,
    },
}

/// Writes the experiment into its root, and beside it what is asked in its tasks; or holds it against what stands there.
pub async fn settle(experiment: &Experiment, tasks: &[Task], store: &Store) -> Result<(), SettleError> {
    let place = || format!("{}/{}", store.place(), Layout::EXPERIMENT);
    if !store.create(Layout::EXPERIMENT, experiment.to_toml().into_bytes(), Durability::Synced).await? {
        let bytes = store.get(Layout::EXPERIMENT).await?.unwrap_or_default();
        let found = Experiment::parse(&String::from_utf8_lossy(&bytes))
            .map_err(|reason| ConfigError::new(place(), reason))?;
        let keys = experiment.differences(&found);
        if !keys.is_empty() {
            return Err(SettleError::Different { place: place(), keys });
        }
    }
    // For readers alone: of several agents one writes it, and what stands there stays.
    if !store.exists(Layout::TASKS).await? {
        store.create(Layout::TASKS, TaskCard::lines(tasks).into_bytes(), Durability::Synced).await?;
    }
    Ok(())
}
