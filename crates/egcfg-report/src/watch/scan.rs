//! Looking at a results folder: how much is done, how much is solved, how fast it goes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use egcfg_results::read::{
    Cell, Filter, ReadError, error_records, experiments, list, names, read_experiment, result_folders,
};
use egcfg_results::{AgentState, Experiment, parse_stem};

use super::agents::{AgentView, Agents, Alive};

/// The rate is that of the last five minutes.
const WINDOW: f64 = 300.0;

/// What stands in a folder now.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// By data set and model.
    pub groups: Vec<GroupState>,
}

/// The state of one experiment.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupState {
    /// The data set.
    pub dataset: String,
    pub model: String,
    /// Units in all, where the experiment says so.
    pub total: Option<usize>,
    /// Tasks in all.
    pub tasks: usize,
    /// Results published.
    pub done: usize,
    /// Of these, passing ones.
    pub passed: usize,
    /// Tasks with a passing result.
    pub solved: usize,
    /// Units are skipped once their task is solved, so `total` is an upper bound.
    pub until_solved: bool,
    /// Generated tokens of all results.
    pub tokens: usize,
    /// Results with an infrastructure error, and failed attempts on record.
    pub errors: usize,
    /// Units per second over the last minutes; `None` while nothing was published in them.
    pub rate: Option<f64>,
    /// By configuration, in the experiment's order.
    pub configurations: Vec<ConfigState>,
    /// Agents, living ones first.
    pub agents: Vec<AgentView>,
}

/// The state of one configuration.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConfigState {
    /// Its folder.
    pub name: String,
    /// Units in all.
    pub total: Option<usize>,
    /// Results published.
    pub done: usize,
    /// Passing ones.
    pub passed: usize,
    /// Generated tokens.
    pub tokens: usize,
    /// Infrastructure errors among the results.
    pub errors: usize,
}

impl GroupState {
    /// Agents whose heartbeat advances.
    pub fn alive(&self) -> usize {
        self.agents.iter().filter(|agent| agent.alive == Alive::Yes).count()
    }

    /// Time left at the present rate; with `until_solved` at most that.
    pub fn left(&self) -> Option<Duration> {
        let missing = self.total?.saturating_sub(self.done) as f64;
        let seconds = missing / self.rate?;
        (seconds.is_finite() && seconds < 1e9).then(|| Duration::from_secs_f64(seconds))
    }

    /// Every unit is done, or every agent ended where none is left to do.
    pub fn finished(&self) -> bool {
        let all = self.total.is_some_and(|total| self.done >= total);
        let agents_ended = !self.agents.is_empty()
            && self.agents.iter().all(|a| a.alive == Alive::Ended && a.state == AgentState::Finished);
        all || agents_ended
    }
}

impl Snapshot {
    /// Nothing is left to wait for.
    pub fn finished(&self) -> bool {
        self.groups.iter().all(GroupState::finished)
    }
}

/// What is remembered of a result.
#[derive(Debug, Clone)]
struct Done {
    task: String,
    passed: bool,
    broken: bool,
    tokens: usize,
    ended: f64,
}

/// Looks at a folder again and again.
#[derive(Debug)]
pub struct Watcher {
    path: PathBuf,
    filter: Filter,
    /// Results by path; `None` for a file that could not be read.
    known: HashMap<PathBuf, Option<Done>>,
    agents: HashMap<PathBuf, Agents>,
}

impl Watcher {
    /// Watches what matches the filter below a folder.
    pub fn new(path: &Path, filter: Filter) -> Self {
        Self { path: path.to_path_buf(), filter, known: HashMap::new(), agents: HashMap::new() }
    }

    /// Looks once. An experiment that has no result yet is shown as soon as its own file is there.
    pub fn look(&mut self) -> Result<Snapshot, ReadError> {
        let mut roots: BTreeSet<PathBuf> = experiments(&self.path)?.into_iter().collect();
        let folders = result_folders(&self.path)?;
        roots.extend(folders.iter().filter_map(|folder| folder.parent().map(Path::to_path_buf)));
        if roots.is_empty() {
            return Err(ReadError::Empty { path: self.path.clone() });
        }
        let (mut groups, mut found) = (Vec::new(), Vec::new());
        for root in roots {
            let (dataset, model) = names(&root);
            found.push(format!("{dataset} / {model}"));
            if self.filter.matches(&dataset, &model) {
                let own: Vec<&PathBuf> =
                    folders.iter().filter(|f| f.parent() == Some(root.as_path())).collect();
                groups.push(self.group(dataset, model, &root, &own)?);
            }
        }
        if groups.is_empty() {
            return Err(ReadError::NoMatch { wanted: self.filter.to_string(), found: found.join(", ") });
        }
        Ok(Snapshot { groups })
    }

    fn group(
        &mut self,
        dataset: String,
        model: String,
        root: &Path,
        folders: &[&PathBuf],
    ) -> Result<GroupState, ReadError> {
        let experiment = read_experiment(root).ok().flatten();
        let planned = experiment.as_ref().map(Experiment::planned).unwrap_or_default();
        let tasks = experiment.as_ref().map_or(0, |experiment| experiment.tasks);
        let state =
            |name: &str, total| ConfigState { name: name.to_owned(), total, ..ConfigState::default() };
        let mut configurations: Vec<ConfigState> =
            planned.iter().map(|p| state(&p.folder, Some(p.runs.len() * tasks))).collect();
        let (mut by_task, mut ends): (BTreeMap<String, bool>, Vec<f64>) = (BTreeMap::new(), Vec::new());
        for folder in folders {
            let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let place = configurations.iter().position(|c| c.name == name).unwrap_or_else(|| {
                configurations.push(state(&name, None));
                configurations.len() - 1
            });
            for file in list(folder)? {
                if parse_stem(&file.file_name().unwrap_or_default().to_string_lossy()).is_none() {
                    continue;
                }
                let Some(done) = self.done(&file, &name) else { continue };
                let own = &mut configurations[place];
                own.done += 1;
                own.passed += usize::from(done.passed);
                own.tokens += done.tokens;
                own.errors += usize::from(done.broken);
                *by_task.entry(done.task.clone()).or_default() |= done.passed;
                ends.push(done.ended);
            }
        }
        let sum = |of: fn(&ConfigState) -> usize| configurations.iter().map(of).sum::<usize>();
        Ok(GroupState {
            total: experiment.as_ref().map(Experiment::units).filter(|units| *units > 0),
            tasks: tasks.max(by_task.len()),
            done: sum(|c| c.done),
            passed: sum(|c| c.passed),
            solved: by_task.values().filter(|passed| **passed).count(),
            until_solved: experiment.is_some_and(|experiment| experiment.until_solved),
            tokens: sum(|c| c.tokens),
            errors: sum(|c| c.errors) + error_records(root),
            rate: rate(&ends, SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()),
            agents: self.agents.entry(root.to_path_buf()).or_default().look(root, Instant::now()),
            dataset,
            model,
            configurations,
        })
    }

    fn done(&mut self, file: &Path, folder: &str) -> Option<Done> {
        if let Some(Some(known)) = self.known.get(file) {
            return Some(known.clone());
        }
        let done = Cell::read(file, folder).ok().map(|cell| Done {
            passed: cell.scored() && cell.passed,
            broken: !cell.scored(),
            tokens: cell.tokens.unwrap_or(0),
            ended: cell.ended.unwrap_or(0.0),
            task: cell.task,
        });
        self.known.insert(file.to_path_buf(), done.clone());
        done
    }
}

/// Units per second over the last minutes; since the first result where that is less.
fn rate(ends: &[f64], now: f64) -> Option<f64> {
    let recent = ends.iter().filter(|end| now - **end <= WINDOW).count();
    let first = ends.iter().copied().filter(|end| *end > 0.0).fold(f64::INFINITY, f64::min);
    let window = (now - first).clamp(1.0, WINDOW);
    (recent > 0).then(|| recent as f64 / window)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_minutes() {
        assert_eq!(rate(&[], 1000.0), None);
        assert_eq!(rate(&[100.0], 1000.0), None);
        // Two in the last 300 seconds, one long before.
        assert_eq!(rate(&[10.0, 900.0, 990.0], 1000.0), Some(2.0 / 300.0));
        // The experiment is 50 seconds old.
        assert_eq!(rate(&[950.0, 960.0], 1000.0), Some(2.0 / 50.0));
    }
}
