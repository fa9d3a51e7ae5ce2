//! A resolved experiment: everything that its results depend on, written once beside them as `experiment.toml`. Whoever adds
//! results must say the same; whoever reads them learns from it what is missing.

use egcfg_guidance::{Choosing, Guided, SignalStyle};
use egcfg_task::{Config, ModelIdentity, Temperature};
use serde::{Deserialize, Serialize};

use crate::sandbox_settings::SandboxSettings;

/// Version of [`Experiment`]; raised on purpose when a field changes its meaning.
pub const EXPERIMENT_VERSION: u32 = 1;

/// How many samples best-of-N may draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number of samples from 1 on, or 'equal'")]
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

impl BestOfBudget {
    /// As many tokens as the guided units took.
    pub const EQUAL: Self = Self::Equal(Equal::Equal);

    /// Whether the budget is what the guided units took.
    pub fn is_equal(self) -> bool {
        self == Self::EQUAL
    }
}

impl Default for BestOfBudget {
    fn default() -> Self {
        Self::Samples(10)
    }
}

/// Everything that results depend on, besides the programs' interpreter (which each result names). Fields that a file of
/// another version lacks have their defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
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
    /// Configurations, in order; their canonical names in the file.
    #[serde(with = "names")]
    pub configurations: Vec<Config>,
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
    /// Best-of-N's own temperature, where it is not the configurations'.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best_of_temperature: Option<Temperature>,
    /// Generated tokens per task at most, for every method that takes a budget.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<usize>,
    /// Seconds after which a search begins no further program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_budget: Option<f64>,
    /// Programs that a search grows together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<usize>,
    /// Which of several programs that pass the shown tests is a search's answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub choose: Option<Choosing>,
    /// What passing all shown tests adds to the log-probability of a search's branches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bonus: Option<f64>,
    /// Searches close beginnings that raise on every shown test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_ends: Option<bool>,
    /// Searches go on from one of several beginnings that leave equal states.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equal_states: Option<bool>,
    /// Share of the budget for the plain tree where guidance comes after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tree_share: Option<f64>,
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
    /// What else was asked of the sandbox; absent in files from before this was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<SandboxSettings>,
    /// The model by its weights, or by what its server says; absent in files from before this was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<ModelIdentity>,
}

impl Default for Experiment {
    fn default() -> Self {
        Self {
            version: EXPERIMENT_VERSION,
            dataset: String::new(),
            tasks: 0,
            tasks_sha256: String::new(),
            model: String::new(),
            methods: vec!["eg_cfg".to_owned()],
            configurations: Vec::new(),
            gammas: Vec::new(),
            retries: 0,
            seed: 0,
            until_solved: false,
            best_of: BestOfBudget::default(),
            best_of_temperature: None,
            budget: None,
            time_budget: None,
            width: None,
            choose: None,
            bonus: None,
            dead_ends: None,
            equal_states: None,
            tree_share: None,
            max_tokens: None,
            signal_format: None,
            signal_tokens: None,
            templates: String::new(),
            timeout: 5.0,
            memory_limit: 1024,
            exec_eval: false,
            sandbox: None,
            identity: None,
        }
    }
}

impl Experiment {
    /// Share of the budget for the plain tree where guidance comes after it.
    pub fn share(&self) -> f64 {
        self.tree_share.unwrap_or(Guided::default().share)
    }

    /// The experiment as its file.
    pub fn to_toml(&self) -> String {
        let body = toml::to_string(self).unwrap_or_default();
        format!("# The experiment whose results stand here, as it was resolved; written once.\n{body}")
    }

    /// Reads such a file's text; the error says what is wrong with it, and in which line.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error: toml::de::Error| {
            let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            let message = error.message().lines().next().unwrap_or("not TOML").to_owned();
            line.map_or_else(|| message.clone(), |line| format!("line {line}: {message}"))
        })
    }

    /// The other experiment's model, where it is known to be another one than this one's.
    pub fn other_model<'a>(&self, other: &'a Self) -> Option<&'a ModelIdentity> {
        let (own, found) = (self.identity.as_ref()?, other.identity.as_ref()?);
        (own.key() != found.key()).then_some(found)
    }

    /// Names of the keys in which two experiments differ, besides the model's identity. What a file from before does not say of
    /// the sandbox is no difference.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let table = |experiment: &Self| toml::Table::try_from(experiment).unwrap_or_default();
        let (ours, theirs) = (table(self), table(other));
        let mut keys: Vec<String> = ours.keys().chain(theirs.keys()).cloned().collect();
        keys.sort_unstable();
        keys.dedup();
        keys.retain(|key| {
            !["identity", "sandbox"].contains(&key.as_str()) && ours.get(key) != theirs.get(key)
        });
        if let (Some(ours), Some(theirs)) = (&self.sandbox, &other.sandbox) {
            keys.extend(ours.differences(theirs));
        }
        keys
    }
}

/// Configurations by their names.
mod names {
    use egcfg_task::Config;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(configs: &[Config], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(configs.iter().map(Config::to_string))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Config>, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        names.iter().map(|name| name.parse().map_err(D::Error::custom)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_reads_back_and_differences_are_named() {
        let config: Config = "ns3t0.75d5k1_lci_ln+o".parse().unwrap();
        let plain = Experiment {
            tasks: 3,
            configurations: vec![config],
            gammas: vec![0.0, 1.5],
            ..Experiment::default()
        };
        assert_eq!(Experiment::parse(&plain.to_toml()).unwrap(), plain);
        let other =
            Experiment { seed: 4, max_tokens: Some(9), best_of: BestOfBudget::EQUAL, ..plain.clone() };
        assert_eq!(
            plain.differences(&Experiment::parse(&other.to_toml()).unwrap()),
            ["best_of", "max_tokens", "seed"]
        );
    }

    #[test]
    fn a_model_is_its_weights_and_not_its_name() {
        use egcfg_task::ModelKind;
        let of = |name: &str, hash: &str| Experiment {
            identity: Some(ModelIdentity::weights(ModelKind::File, name, hash)),
            ..Experiment::default()
        };
        let (own, old) = (of("m", "aa"), Experiment::default());
        let back = Experiment::parse(&own.to_toml()).unwrap();
        assert_eq!((own.other_model(&back), own.other_model(&of("renamed", "aa"))), (None, None));
        let other = of("m", "bb");
        assert_eq!(own.other_model(&other), other.identity.as_ref());
        assert_eq!(
            (own.other_model(&old), own.differences(&old).len()),
            (None, 0),
            "from before identities were kept"
        );
    }

    #[test]
    fn a_file_of_another_version_is_read_and_a_broken_one_is_named() {
        let old = Experiment::parse(
            "version = 1\ntasks = 4\nconfigurations = ['ns3t1d2_ln']\ngammas = [1]\nnew = 3\n",
        )
        .unwrap();
        assert_eq!(
            (old.tasks, old.units(), old.configurations[0].to_string().as_str()),
            (4, 4, "ns3t1.0d2k1_ln")
        );
        let error = Experiment::parse("version = 1\nconfigurations = ['ns3']\n").unwrap_err();
        assert!(error.starts_with("line 2: configuration name 'ns3'"), "{error}");
    }
}
