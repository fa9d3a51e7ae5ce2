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

/// What a store's file, which may be from before, does not say of its results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settled {
    /// Which model they are of, besides its name.
    pub model_unknown: bool,
    /// What was asked of the sandbox, besides the time and memory of a test.
    pub sandbox_unknown: bool,
}

/// Writes the experiment into its root, and beside it what is asked in its tasks; or holds it against what stands there.
pub async fn settle(experiment: &Experiment, tasks: &[Task], store: &Store) -> Result<Settled, SettleError> {
    let mut settled = Settled::default();
    let place = || format!("{}/{}", store.place(), Layout::EXPERIMENT);
    if !store.create(Layout::EXPERIMENT, experiment.to_toml().into_bytes(), Durability::Synced).await? {
        let bytes = store.get(Layout::EXPERIMENT).await?.unwrap_or_default();
        let found = Experiment::parse(&String::from_utf8_lossy(&bytes))
            .map_err(|reason| ConfigError::new(place(), reason))?;
        if let (Some(ours), Some(theirs)) = (&experiment.identity, experiment.other_model(&found)) {
            let (ours, theirs) = (Box::new(ours.clone()), Box::new(theirs.clone()));
            return Err(SettleError::OtherModel { place: place(), ours, theirs });
        }
        settled.model_unknown = experiment.identity.is_some() && found.identity.is_none();
        settled.sandbox_unknown = experiment.sandbox.is_some() && found.sandbox.is_none();
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
