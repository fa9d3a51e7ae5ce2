//! One layer of settings: every key may be missing. Layers are laid over each other key by key.

use egcfg_task::{Config, Horizon, PromptType, Temperature};
use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::names;
use super::typo::unknown;

/// Axes whose product is a list of configurations.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Grid {
    /// `t`
    pub temperatures: Vec<Temperature>,
    /// `s`
    pub candidates: Vec<u32>,
    /// `d`
    pub horizons: Vec<Horizon>,
    /// `k`
    pub every: Vec<u32>,
    /// Instructions.
    pub prompts: Vec<PromptType>,
}

impl Grid {
    /// Every combination, laid over `base`, prompts slowest and `k` fastest; an empty axis keeps the base's value.
    pub fn product(&self, base: Config) -> Vec<Config> {
        fn axis<T: Copy>(configs: Vec<Config>, values: &[T], set: impl Fn(&mut Config, T)) -> Vec<Config> {
            if values.is_empty() {
                return configs;
            }
            let spread = |config: Config| {
                let set = &set;
                values.iter().map(move |value| {
                    let mut config = config;
                    set(&mut config, *value);
                    config
                })
            };
            configs.into_iter().flat_map(spread).collect()
        }
        let configs = axis(vec![base], &self.prompts, |c, v| c.prompt = v);
        let configs = axis(configs, &self.candidates, |c, v| c.candidates = v);
        let configs = axis(configs, &self.temperatures, |c, v| c.temperature = v);
        let configs = axis(configs, &self.horizons, |c, v| c.horizon = v);
        axis(configs, &self.every, |c, v| c.every = v)
    }
}

/// Settings of an experiment, as far as one source gives them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Overrides {
    /// The data set's name.
    pub dataset: Option<String>,
    /// Its file.
    pub data: Option<String>,
    /// The model: `pocket`, a path, or `URL#name`.
    pub model: Option<String>,
    /// The results store.
    pub results: Option<String>,
    /// Methods, in order.
    pub methods: Option<Vec<String>>,
    /// Configurations; in a file they stand as names.
    #[serde(with = "names")]
    pub configurations: Option<Vec<Config>>,
    /// Guidance strengths, in order.
    pub gammas: Option<Vec<f64>>,
    /// Repetitions after the first.
    pub retries: Option<u32>,
    /// Base seed.
    pub seed: Option<u64>,
    /// First task, by its place in the data set, from 0.
    pub start: Option<usize>,
    /// One past the last task.
    pub end: Option<usize>,
    /// A pass ends a task for all.
    pub until_solved: Option<bool>,
    /// Best-of-N's budget: `equal` (the guided methods' tokens on that task), or a number of samples.
    pub best_of: Option<egcfg_results::BestOfBudget>,
    /// Best-of-N's own temperature.
    pub best_of_temperature: Option<Temperature>,
    /// New tokens at most.
    pub max_tokens: Option<usize>,
    /// How executions are written: `full`, `minimal` or `compact`.
    pub signal_format: Option<egcfg_guidance::SignalStyle>,
    /// Largest signal block in tokens.
    pub signal_tokens: Option<usize>,
    /// A prompt template's file.
    pub template: Option<String>,
    /// Seconds that one test may take.
    pub timeout: Option<f64>,
    /// Memory that one program may take, in MiB.
    pub memory_limit: Option<u64>,
    /// Units worked on at the same time.
    pub jobs: Option<usize>,
    /// Seconds for which an agent's heartbeat may stand still.
    pub lease: Option<f64>,
    /// Whether event logs are kept.
    pub events: Option<bool>,
    /// Grading by an ExecEval server at this address.
    pub exec_eval: Option<String>,
}

impl Overrides {
    /// This layer over `below`: a key that both give is taken from this one.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        macro_rules! first {
            ($($key:ident),*) => { Self { $($key: self.$key.or(below.$key)),* } };
        }
        first!(
            dataset,
            data,
            model,
            results,
            methods,
            configurations,
            gammas,
            retries,
            seed,
            start,
            end,
            until_solved,
            best_of,
            best_of_temperature,
            max_tokens,
            signal_format,
            signal_tokens,
            template,
            timeout,
            memory_limit,
            jobs,
            lease,
            events,
            exec_eval
        )
    }
}

/// Reads a prompt type by the name it has in files.
pub(crate) fn prompt_type(place: &str, name: &str) -> Result<PromptType, ConfigError> {
    PromptType::named(name).ok_or_else(|| {
        let names = PromptType::ALL.map(PromptType::name).join("', '");
        ConfigError::new(place, format!("prompt_type '{name}' is none of '{names}'"))
    })
}

/// Reads the axes of a grid from a JSON object. A key that is no axis is a mistake: left out, it would change what is run.
pub(crate) fn grid(
    place: &str,
    object: &serde_json::Map<String, serde_json::Value>,
) -> Result<Grid, ConfigError> {
    const AXES: [&str; 5] = ["t", "s", "d", "k", "prompt_type"];
    let mut grid = Grid::default();
    if let Some(key) = object.keys().find(|key| !AXES.contains(&key.as_str())) {
        return Err(ConfigError::new(place, unknown(key, AXES)));
    }
    for (key, value) in object {
        let at = format!("{place}: {key}");
        // A single value is a list of one.
        let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        let bad = |value: &serde_json::Value, what: &str| {
            ConfigError::new(at.clone(), format!("expected {what}, found {value}"))
        };
        let count = |value: &serde_json::Value| {
            let number = value.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0);
            number.ok_or_else(|| bad(value, "a whole number above 0"))
        };
        for value in &values {
            match key.as_str() {
                "t" => {
                    let t = value.as_f64().and_then(Temperature::new);
                    grid.temperatures.push(t.ok_or_else(|| bad(value, "a temperature above 0"))?);
                }
                "s" => grid.candidates.push(count(value)?),
                "k" => grid.every.push(count(value)?),
                "d" if value.is_null() || value.as_str() == Some("inf") => {
                    grid.horizons.push(Horizon::Infinite);
                }
                "d" => grid.horizons.push(Horizon::Lines(count(value)?)),
                "prompt_type" => {
                    let name = value.as_str().ok_or_else(|| bad(value, "a prompt type's name"))?;
                    grid.prompts.push(prompt_type(&at, name)?);
                }
                _ => {}
            }
        }
    }
    Ok(grid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_product_has_every_combination_once() {
        let object = serde_json::json!({
            "t": [0.7, 0.85], "s": [3], "d": [2, 6, "inf"], "k": [1], "prompt_type": ["deepseek_instruct", "long_code"]
        });
        let grid = grid("f", object.as_object().unwrap()).unwrap();
        let names: Vec<String> = grid.product(Config::default()).iter().map(Config::to_string).collect();
        assert_eq!(names.len(), 12);
        assert_eq!(names[0], "ns3t0.7d2k1_ln");
        assert_eq!(names[11], "ns3t0.85dinfk1_lci_ln");
        assert_eq!(names.iter().collect::<std::collections::HashSet<_>>().len(), 12);
    }

    #[test]
    fn a_layer_wins_key_by_key() {
        let above = Overrides { seed: Some(2), ..Overrides::default() };
        let below = Overrides { seed: Some(1), retries: Some(4), ..Overrides::default() };
        let both = above.over(below);
        assert_eq!((both.seed, both.retries), (Some(2), Some(4)));
    }
}
