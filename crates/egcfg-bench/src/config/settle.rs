//! An experiment takes its place in the store: written once beside its results; a later start must say the same.

use egcfg_results::{Experiment, Layout, TaskCard};
use egcfg_task::{ModelIdentity, Task};

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
        keys: Vec<String>,
    },
    /// The folder's results are of another model of the same name.
    #[error("{place} holds results of the model {theirs}; this one is {ours}")]
    OtherModel {
        /// The file.
        place: String,
        /// The model at hand.
        ours: Box<ModelIdentity>,
        /// The model of the results.
        theirs: Box<ModelIdentity>,
    },
}

/// What a store said of the model that its results are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It is this one.
    Certain,
    /// Its file is from before models were told apart by more than their names.
    ByName,
}

/// Writes the experiment into its root, and beside it what is asked in its tasks; or holds it against what stands there.
pub async fn settle(experiment: &Experiment, tasks: &[Task], store: &Store) -> Result<Settled, SettleError> {
    let mut settled = Settled::Certain;
    let place = || format!("{}/{}", store.place(), Layout::EXPERIMENT);
    if !store.create(Layout::EXPERIMENT, experiment.to_toml().into_bytes(), Durability::Synced).await? {
        let bytes = store.get(Layout::EXPERIMENT).await?.unwrap_or_default();
        let found = Experiment::parse(&String::from_utf8_lossy(&bytes))
            .map_err(|reason| ConfigError::new(place(), reason))?;
        if let (Some(ours), Some(theirs)) = (&experiment.identity, experiment.other_model(&found)) {
            let (ours, theirs) = (Box::new(ours.clone()), Box::new(theirs.clone()));
            return Err(SettleError::OtherModel { place: place(), ours, theirs });
        }
        if experiment.identity.is_some() && found.identity.is_none() {
            settled = Settled::ByName;
        }
        let keys = experiment.differences(&found);
        if !keys.is_empty() {
            return Err(SettleError::Different { place: place(), keys });
        }
    }
    // For readers alone: of several agents one writes it, and what stands there stays.
    if !store.exists(Layout::TASKS).await? {
        store.create(Layout::TASKS, TaskCard::lines(tasks).into_bytes(), Durability::Synced).await?;
    }
    Ok(settled)
}
