//! What an experiment's own file promises (`experiment.toml` beside its results): how many tasks, which methods,
//! configurations and gammas. It is read leniently, since a report must also be had of folders from elsewhere.

use std::path::Path;

use egcfg_task::{Config, PromptType};
use serde::Deserialize;

/// The parts of an experiment that a report needs.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Experiment {
    /// Tasks in the data set.
    pub tasks: usize,
    /// Methods, in order.
    pub methods: Vec<String>,
    /// Canonical names, in order.
    pub configurations: Vec<String>,
    /// Guidance strengths, in the order in which they are tried.
    pub gammas: Vec<f64>,
    /// Repetitions after the first.
    pub retries: u32,
    /// A task that was solved once is not worked on any more.
    pub until_solved: bool,
}

/// A folder of results and how many results each task has in it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Planned {
    /// The folder's name.
    pub(crate) folder: String,
    /// The method.
    pub(crate) method: String,
    /// Gamma and repetition of each result of a task.
    pub(crate) units: Vec<(f64, u32)>,
}

impl Experiment {
    /// Reads the file in a folder; `None` where there is none that can be read.
    pub(crate) fn read(folder: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(folder.join("experiment.toml")).ok()?;
        toml::from_str(&text).ok()
    }

    /// The folders that the experiment fills, in order. Methods without gamma have one result per task and repetition;
    /// greedy decoding is not repeated.
    pub(crate) fn planned(&self) -> Vec<Planned> {
        let mut folders: Vec<Planned> = Vec::new();
        let methods: &[String] = if self.methods.is_empty() { &["eg_cfg".to_owned()] } else { &self.methods };
        for method in methods {
            for name in &self.configurations {
                let folder = folder(method, name);
                if folders.iter().any(|known| known.folder == folder) {
                    continue;
                }
                let gammas: &[f64] = if method == "eg_cfg" { &self.gammas } else { &[0.0] };
                let greedy = |gamma: f64| method == "plain" || (method == "eg_cfg" && gamma == 0.0);
                let units = (0..=self.retries)
                    .flat_map(|retry| gammas.iter().map(move |gamma| (*gamma, retry)))
                    .filter(|(gamma, retry)| *retry == 0 || !greedy(*gamma));
                folders.push(Planned { folder, method: method.clone(), units: units.collect() });
            }
        }
        folders
    }

    /// Results that a complete folder holds.
    pub fn units(&self) -> usize {
        self.tasks * self.planned().iter().map(|planned| planned.units.len()).sum::<usize>()
    }
}

/// The folder of a method under a configuration.
fn folder(method: &str, name: &str) -> String {
    let Ok(config) = name.parse::<Config>() else { return name.to_owned() };
    let prompt = if config.prompt == PromptType::LongCode { "_lci" } else { "" };
    match method {
        "eg_cfg" => config.to_string(),
        "plain" => format!("plain{prompt}"),
        other => format!("{other}_t{}{prompt}", config.temperature),
    }
}
