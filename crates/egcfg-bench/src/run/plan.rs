//! From an experiment to its units: configuration x task x retry x gamma, in this order, so that everything about one task comes
//! together and finds its prompt cached.

use std::collections::HashMap;
use std::sync::Arc;

use egcfg_guidance::Policy;
use egcfg_results::{BestOfBudget, Experiment, Layout, MethodFacts, file_name};
use egcfg_task::{Config, Task};

use crate::config::ConfigError;
use crate::method::{BestOf, EgCfg, Lpw, MapCoder, Method, MgDebugger, Plain, SelfDebugging, TreeSearch};

/// A method under a configuration: one folder of results.
#[derive(Clone)]
pub struct Cell {
    /// Writes programs.
    pub method: Arc<dyn Method>,
    /// Its knobs; methods other than EG-CFG use the temperature and the prompt type alone.
    pub config: Config,
    /// The folder's name.
    pub folder: String,
}

/// One piece of work, with one result file.
#[derive(Debug, Clone, PartialEq)]
pub struct Unit {
    /// Index of its cell.
    pub cell: usize,
    /// Index of its task.
    pub task: usize,
    pub task_id: String,
    /// Guidance strength.
    pub gamma: f64,
    /// Repetition, from 0.
    pub retry: u32,
    /// The configuration's folder.
    pub folder: String,
    /// Its name in that folder.
    pub stem: String,
}

impl Unit {
    /// The key of its result.
    pub fn result(&self) -> String {
        Layout::result(&self.folder, &self.stem)
    }

    /// Folder and name, for messages.
    pub fn label(&self) -> String {
        format!("{}/{}", self.folder, self.stem)
    }
}

/// All units of an experiment.
#[derive(Clone)]
pub struct Plan {
    /// Folders.
    pub cells: Vec<Cell>,
    /// Units, in order.
    pub units: Vec<Unit>,
}

/// The methods that an experiment may name.
pub fn methods(best_of: BestOfBudget) -> Vec<Arc<dyn Method>> {
    let samples =
        if let BestOfBudget::Samples(samples) = best_of { samples } else { BestOf::default().samples };
    vec![
        Arc::new(EgCfg),
        Arc::new(Plain),
        Arc::new(BestOf { samples, ..BestOf::default() }),
        Arc::new(SelfDebugging::default()),
        Arc::new(MapCoder::default()),
        Arc::new(MgDebugger::default()),
        Arc::new(Lpw::default()),
        Arc::new(TreeSearch::by(Policy::Priority)),
        Arc::new(TreeSearch::by(Policy::Unique)),
        Arc::new(TreeSearch::by(Policy::Independent)),
        Arc::new(TreeSearch::by(Policy::Beam)),
    ]
}

impl Plan {
    /// Lists the units; `known` are the methods that may be named.
    pub fn new(
        experiment: &Experiment,
        tasks: &[Task],
        known: &[Arc<dyn Method>],
    ) -> Result<Self, ConfigError> {
        let names = distinct_names(tasks)?;
        let (mut cells, mut units) = (Vec::new(), Vec::new());
        for (cell, planned) in experiment.planned().into_iter().enumerate() {
            let name = planned.method.name;
            let method = known.iter().find(|method| method.facts().name == name).ok_or_else(|| {
                let names: Vec<&str> = known.iter().map(|method| method.facts().name).collect();
                ConfigError::new("methods", format!("'{name}' is none of {}", names.join(", ")))
            })?;
            for (task, id) in names.iter().enumerate() {
                units.extend(planned.runs.iter().map(|run| Unit {
                    cell,
                    task,
                    task_id: (*id).to_owned(),
                    gamma: run.gamma,
                    retry: run.retry,
                    folder: planned.folder.clone(),
                    stem: Layout::stem(id, run.gamma, run.retry),
                }));
            }
            let (config, folder) = (planned.config, planned.folder);
            cells.push(Cell { method: Arc::clone(method), config, folder });
        }
        Ok(Self { cells, units })
    }

    /// What is known of the method of a unit.
    pub fn facts(&self, unit: &Unit) -> &'static MethodFacts {
        self.cells[unit.cell].method.facts()
    }

    /// Whether a unit comes before another of the same cell and task.
    pub(crate) fn predecessor(&self, index: usize) -> Option<usize> {
        let before = index.checked_sub(1)?;
        let (a, b) = (&self.units[before], &self.units[index]);
        (a.cell == b.cell && a.task == b.task).then_some(before)
    }
}

/// Two ids that become one file name would share a result.
fn distinct_names(tasks: &[Task]) -> Result<Vec<&str>, ConfigError> {
    let mut seen: HashMap<String, &str> = HashMap::new();
    for task in tasks {
        if let Some(other) = seen.insert(file_name(&task.id), &task.id) {
            return Err(ConfigError::new(
                "tasks",
                format!("the ids '{other}' and '{}' would share a file name", task.id),
            ));
        }
    }
    Ok(tasks.iter().map(|task| task.id.as_str()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Overrides, resolve};

    fn plan(overrides: &Overrides, ids: &[&str]) -> Result<Plan, ConfigError> {
        let tasks: Vec<Task> = ids.iter().map(|id| Task { id: (*id).into(), ..Task::default() }).collect();
        let experiment = resolve(overrides, &tasks, "m", None, String::new())?;
        Plan::new(&experiment, &tasks, &methods(experiment.best_of))
    }

    #[test]
    fn units_are_the_product_and_each_has_a_name_of_its_own() {
        let overrides = Overrides {
            methods: Some(["eg_cfg", "plain", "best_of"].map(str::to_owned).to_vec()),
            configurations: Some(
                ["ns3t0.7d2k1_ln", "ns5t0.7d2k1_ln", "ns3t0.7d2k1_lci_ln"]
                    .map(|name| name.parse().unwrap())
                    .to_vec(),
            ),
            gammas: Some(vec![0.0, 1.0]),
            retries: Some(1),
            ..Overrides::default()
        };
        let plan = plan(&overrides, &["a", "b"]).unwrap();
        // EG-CFG: 3 configurations x 2 tasks x (2 gammas + gamma 1 again); plain: 2 prompts; best-of: 2 prompts, twice.
        assert_eq!(plan.units.len(), 3 * 2 * 3 + 2 * 2 + 2 * 2 * 2);
        let keys: std::collections::HashSet<String> = plan.units.iter().map(Unit::result).collect();
        assert_eq!(keys.len(), plan.units.len());
        assert!(keys.contains("best_of_t0.7_lci/task_id=b_gamma=0.0_retry=1.json"));
        assert!(keys.contains("plain/task_id=a_gamma=0.0.json"));
        assert_eq!((plan.predecessor(0), plan.predecessor(2), plan.predecessor(3)), (None, Some(1), None));
    }

    #[test]
    fn ids_that_would_share_a_file_are_refused() {
        let error = plan(&Overrides::default(), &["x/1", "x_1"]).err().unwrap().to_string();
        assert!(error.contains("'x/1'") && error.contains("'x_1'"), "{error}");
        let unknown = Overrides { methods: Some(vec!["magic".into()]), ..Overrides::default() };
        assert!(plan(&unknown, &["a"]).err().unwrap().to_string().contains("eg_cfg, plain, best_of"));
    }
}
