//! A resolved experiment: everything that the results depend on. It is written once beside the results; a later start
//! whose experiment differs is refused, and told by which keys.

use egcfg_guidance::SignalStyle;
use egcfg_task::{Config, Task};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{ConfigError, Overrides};
use crate::method::has_budget;
use crate::store::{Keep, Layout, Store, StoreError};

/// Version of [`Experiment`]; raised on purpose when a field changes its meaning.
pub const EXPERIMENT_VERSION: u32 = 1;

/// How many samples best-of-N may draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum BestOfBudget {
    /// This many samples.
    Samples(usize),
    /// As many tokens as all guided units of the task generated together; it waits for them.
    Equal(Equal),
}

/// The word `equal`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Equal {
    /// The same token budget.
    Equal,
}

/// Everything that results depend on, besides the programs' interpreter (which each result names).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Experiment {
    /// [`EXPERIMENT_VERSION`].
    pub version: u32,
    /// The data set's name.
    pub dataset: String,
    /// Tasks in it.
    pub tasks: usize,
    /// SHA-256 over the tasks, in order, as egcfg reads them.
    pub tasks_sha256: String,
    /// The model's name.
    pub model: String,
    /// Methods, in order.
    pub methods: Vec<String>,
    /// Canonical names.
    pub configurations: Vec<String>,
    /// Guidance strengths, in the order in which they are tried.
    pub gammas: Vec<f64>,
    /// Repetitions after the first, each with other draws.
    pub retries: u32,
    /// Base seed.
    pub seed: u64,
    /// A task that was solved once is not worked on any more.
    pub until_solved: bool,
    /// Best-of-N's budget.
    pub best_of: BestOfBudget,
    /// New tokens at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<usize>,
    /// How executions are written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal_format: Option<SignalStyle>,
    /// Largest signal block in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal_tokens: Option<usize>,
    /// The prompt templates' names and what they hold, hashed.
    pub templates: String,
    /// Seconds that one test may take.
    pub timeout: f64,
    /// Memory that one program may take, in MiB.
    pub memory_limit: u64,
    /// Grading by an ExecEval server instead of the sandbox.
    pub exec_eval: bool,
}

impl Experiment {
    /// Resolves settings; `model` and `templates` are what the model is called and what its prompts are made of.
    pub fn resolve(
        overrides: &Overrides,
        tasks: &[Task],
        model: &str,
        templates: String,
    ) -> Result<Self, ConfigError> {
        let mut configurations = Vec::new();
        for name in overrides.configurations.clone().unwrap_or_else(|| vec![Config::default().to_string()]) {
            let config: Config = name.parse().map_err(|error: egcfg_task::NameError| {
                ConfigError::new("configurations", error.to_string())
            })?;
            let name = config.to_string();
            if !configurations.contains(&name) {
                configurations.push(name);
            }
        }
        let mut gammas: Vec<f64> = Vec::new();
        for gamma in overrides.gammas.clone().unwrap_or_else(|| vec![0.0, 0.5, 1.0, 3.0]) {
            if !(0.0..=100.0).contains(&gamma) {
                return Err(ConfigError::new("gammas", format!("{gamma} is not between 0 and 100")));
            }
            if !gammas.contains(&gamma) {
                gammas.push(gamma);
            }
        }
        let mut methods: Vec<String> = Vec::new();
        for method in overrides.methods.clone().unwrap_or_else(|| vec!["eg_cfg".to_owned()]) {
            if !methods.contains(&method) {
                methods.push(method);
            }
        }
        for (key, empty) in [
            ("configurations", configurations.is_empty()),
            ("gammas", gammas.is_empty()),
            ("methods", methods.is_empty()),
            ("tasks", tasks.is_empty()),
        ] {
            if empty {
                return Err(ConfigError::new(key, "the list is empty"));
            }
        }
        let best_of = overrides.best_of.unwrap_or(BestOfBudget::Samples(10));
        let equal = matches!(best_of, BestOfBudget::Equal(_));
        if equal && methods.iter().any(|m| has_budget(m)) && !methods.iter().any(|m| m == "eg_cfg") {
            return Err(ConfigError::new(
                "best_of",
                "'equal' needs the method eg_cfg in the same experiment",
            ));
        }
        Ok(Self {
            version: EXPERIMENT_VERSION,
            dataset: overrides.dataset.clone().unwrap_or_else(|| "tasks".to_owned()),
            tasks: tasks.len(),
            tasks_sha256: tasks_hash(tasks),
            model: model.to_owned(),
            methods,
            configurations,
            gammas,
            retries: overrides.retries.unwrap_or(0),
            seed: overrides.seed.unwrap_or(0),
            until_solved: overrides.until_solved.unwrap_or(false),
            best_of,
            max_tokens: overrides.max_tokens,
            signal_format: overrides.signal_format,
            signal_tokens: overrides.signal_tokens,
            templates,
            timeout: overrides.timeout.unwrap_or(5.0),
            memory_limit: overrides.memory_limit.unwrap_or(1024),
            exec_eval: overrides.exec_eval.is_some(),
        })
    }

    /// The experiment as its file.
    pub fn to_toml(&self) -> String {
        let body = toml::to_string(self).unwrap_or_default();
        format!("# The experiment whose results stand here, as it was resolved; written once.\n{body}")
    }

    /// Names of the keys in which two experiments differ.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let table = |experiment: &Self| toml::Table::try_from(experiment).unwrap_or_default();
        let (ours, theirs) = (table(self), table(other));
        let mut keys: Vec<String> = ours.keys().chain(theirs.keys()).cloned().collect();
        keys.sort_unstable();
        keys.dedup();
        keys.retain(|key| ours.get(key) != theirs.get(key));
        keys
    }

    /// Writes the experiment into its root, or holds it against what stands there.
    pub async fn settle(&self, store: &Store) -> Result<(), SettleError> {
        let place = || format!("{}/{}", store.place(), Layout::EXPERIMENT);
        if store.create(Layout::EXPERIMENT, self.to_toml().into_bytes(), Keep::Durably).await? {
            return Ok(());
        }
        let bytes = store.get(Layout::EXPERIMENT).await?.unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let found: Self =
            toml::from_str(&text).map_err(|error| ConfigError::new(place(), error.message().to_owned()))?;
        let keys = self.differences(&found);
        if keys.is_empty() { Ok(()) } else { Err(SettleError::Different { place: place(), keys }) }
    }
}

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

fn tasks_hash(tasks: &[Task]) -> String {
    let mut hash = Sha256::new();
    for task in tasks {
        hash.update(serde_json::to_vec(task).unwrap_or_default());
        hash.update(b"\n");
    }
    hex(&hash.finalize())
}

/// A hash in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(overrides: &Overrides) -> Result<Experiment, ConfigError> {
        let task = Task { id: "1".into(), ..Task::default() };
        Experiment::resolve(overrides, &[task], "m", "t".into())
    }

    #[test]
    fn the_file_reads_back_and_differences_are_named() {
        let plain = resolve(&Overrides::default()).unwrap();
        let back: Experiment = toml::from_str(&plain.to_toml()).unwrap();
        assert_eq!(plain.differences(&back), [""; 0]);
        let other = resolve(&Overrides {
            seed: Some(4),
            max_tokens: Some(9),
            best_of: Some(BestOfBudget::Equal(Equal::Equal)),
            ..Overrides::default()
        });
        assert_eq!(plain.differences(&other.unwrap()), ["best_of", "max_tokens", "seed"]);
    }

    #[test]
    fn names_become_canonical_and_single() {
        let names = Some(vec!["ns3t1d2_ln".to_owned(), "ns3t1.0d2k1_ln".to_owned()]);
        let resolved = resolve(&Overrides { configurations: names, ..Overrides::default() }).unwrap();
        assert_eq!(resolved.configurations, ["ns3t1.0d2k1_ln"]);
        let bad = Overrides { gammas: Some(vec![f64::NAN]), ..Overrides::default() };
        assert!(resolve(&bad).unwrap_err().to_string().starts_with("gammas"));
    }
}
