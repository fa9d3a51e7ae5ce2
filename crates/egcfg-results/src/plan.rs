//! Which results an experiment has: one folder per method and configuration, in each task the same runs. Whoever carries an
//! experiment out and whoever counts what is missing of it read this one list.

use std::fmt::Write as _;

use egcfg_guidance::Search;
use egcfg_task::Config;

use crate::experiment::Experiment;
use crate::method::{BEST_OF, FolderName, MethodFacts};

/// One result of every task of a folder.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Run {
    /// Guidance strength; 0 for methods without one.
    pub gamma: f64,
    /// Repetition, from 0.
    pub retry: u32,
}

/// A folder of results.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The method that fills it.
    pub method: &'static MethodFacts,
    /// The method's knobs.
    pub config: Config,
    /// Its name.
    pub folder: String,
    /// What each task has in it, in order.
    pub runs: Vec<Run>,
}

impl Experiment {
    /// The folders that the experiment fills, in order. Configurations that differ only in knobs which a method has not are
    /// the same to it and share a folder; methods that are not known have none.
    pub fn planned(&self) -> Vec<Planned> {
        let mut folders: Vec<Planned> = Vec::new();
        for method in self.methods.iter().filter_map(|name| MethodFacts::of(name)) {
            for config in &self.configurations {
                let mut config = *config;
                if let Some(own) = self.best_of_temperature.filter(|_| method.name == BEST_OF.name) {
                    config.temperature = own;
                }
                let folder = method.folder(&config) + &self.knobs(method);
                if folders.iter().any(|known| known.folder == folder) {
                    continue;
                }
                let gammas = method.gammas(&self.gammas);
                let runs = (0..=self.retries)
                    .flat_map(|retry| gammas.iter().map(move |gamma| Run { gamma: *gamma, retry }))
                    .filter(|run| run.retry == 0 || method.repeats(run.gamma))
                    .collect();
                folders.push(Planned { method, config, folder, runs });
            }
        }
        folders
    }

    /// What a method's folder is named after besides its configuration: the budget and the knobs of a search, as far as they were
    /// set. Two budgets are two folders.
    fn knobs(&self, method: &MethodFacts) -> String {
        let mut name = String::new();
        if let Some(tokens) = self.budget.filter(|_| method.takes_budget) {
            let _ = write!(name, "_b{tokens}");
        }
        if !method.searches {
            return name;
        }
        if let Some(seconds) = self.time_budget {
            let _ = write!(name, "_{seconds}s");
        }
        if let Some(width) = self.width {
            let _ = write!(name, "_w{width}");
        }
        if let Some(choosing) = self.choose {
            let _ = write!(name, "_{choosing}");
        }
        // The default is kept in the experiment's file, so that results from before it changed are told apart there.
        if let Some(bonus) = self.bonus.filter(|own| (own - Search::default().bonus).abs() > f64::EPSILON) {
            let _ = write!(name, "_bonus{bonus}");
        }
        if let Some(share) = self.tree_share.filter(|_| method.folder == FolderName::Both) {
            let _ = write!(name, "_share{share}");
        }
        for (on, word) in [(self.dead_ends, "_dead"), (self.equal_states, "_states")] {
            match on {
                Some(true) => name.push_str(word),
                Some(false) => _ = write!(name, "_no{}", &word[1..]),
                None => {}
            }
        }
        name
    }

    /// Results that a complete folder holds.
    pub fn units(&self) -> usize {
        self.tasks * self.planned().iter().map(|planned| planned.runs.len()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_method_has_the_runs_that_mean_something_to_it() {
        let names = ["ns3t0.7d2k1_ln", "ns5t0.7d2k1_ln", "ns3t0.7d2k1_lci_ln"];
        let experiment = Experiment {
            tasks: 2,
            methods: ["eg_cfg", "plain", "best_of", "unheard_of"].map(str::to_owned).to_vec(),
            configurations: names.iter().filter_map(|name| name.parse().ok()).collect(),
            gammas: vec![0.0, 1.0],
            retries: 1,
            best_of_temperature: "1.1".parse().ok().and_then(egcfg_task::Temperature::new),
            ..Experiment::default()
        };
        let planned = experiment.planned();
        let folders: Vec<(&str, usize)> = planned.iter().map(|p| (p.folder.as_str(), p.runs.len())).collect();
        // EG-CFG: both gammas, and gamma 1 again; plain once; best-of-N twice, whatever the number of candidates.
        let expected = [
            ("ns3t0.7d2k1_ln", 3),
            ("ns5t0.7d2k1_ln", 3),
            ("ns3t0.7d2k1_lci_ln", 3),
            ("plain", 1),
            ("plain_lci", 1),
            ("best_of_t1.1", 2),
            ("best_of_t1.1_lci", 2),
        ];
        assert_eq!(folders, expected);
        assert_eq!(experiment.units(), 2 * (3 * 3 + 2 + 2 * 2));
    }

    #[test]
    fn two_budgets_are_two_folders() {
        let of = |budget, width| Experiment {
            tasks: 1,
            methods: ["plain", "best_of", "search", "search_unique"].map(str::to_owned).to_vec(),
            configurations: vec![Config::default()],
            budget,
            width,
            ..Experiment::default()
        };
        let folders = |own: Experiment| own.planned().into_iter().map(|p| p.folder).collect::<Vec<_>>();
        let small = folders(of(Some(400), Some(8)));
        assert_eq!(
            small,
            ["plain", "best_of_t0.7_b400", "search_t0.7_b400_w8", "search_unique_t0.7_b400_w8"]
        );
        assert_eq!(MethodFacts::of_folder(&small[3]).name, "search_unique");
        assert_eq!(folders(of(None, None)), ["plain", "best_of_t0.7", "search_t0.7", "search_unique_t0.7"]);
    }
}
