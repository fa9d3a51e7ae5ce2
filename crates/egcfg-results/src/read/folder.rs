//! Reading a results folder: every `task_id=..` file in it, whatever stands above. The two folders over a configuration name
//! the data set and the model, so the path of a whole results folder, of one data set or of one model all work.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::experiment::Experiment;
use crate::layout::{Layout, parse_stem};
use crate::read::cell::Cell;
use crate::read::error::ReadError;
use crate::read::file::bytes;
use crate::read::natural::natural;
use crate::task_card::TaskCard;

/// How deep configurations may stand below the given folder.
const DEPTH: usize = 4;

/// Which results are wanted: names as they are, in any case.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// The data set.
    pub dataset: Option<String>,
    /// The model, with `/` or `_`.
    pub model: Option<String>,
}

/// The results of one model on one data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The data set's name.
    pub dataset: String,
    /// The model's name, as its folder is called.
    pub model: String,
    /// The folder over the configurations.
    pub path: PathBuf,
    /// Results, in the experiment's order.
    pub cells: Vec<Cell>,
    /// Ids of the tasks that have a result, as people count.
    pub tasks: Vec<String>,
    /// What the experiment's own file promises, where there is one that can be read.
    pub experiment: Option<Experiment>,
    /// What is wrong with that file.
    pub experiment_problem: Option<String>,
    /// What is asked in the tasks, by id; empty where the folder does not say.
    pub cards: BTreeMap<String, TaskCard>,
    /// Ids marked as solved.
    pub solved_marks: BTreeSet<String>,
    /// Result files that could not be read, and why.
    pub unreadable: Vec<(PathBuf, String)>,
    /// Units given up or put off after an infrastructure error.
    pub error_records: usize,
}

/// Everything that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Folder {
    pub path: PathBuf,
    /// By data set and model.
    pub groups: Vec<Group>,
}

impl Folder {
    /// Reads what matches the filter.
    pub fn read(path: &Path, filter: &Filter) -> Result<Self, ReadError> {
        let configurations = result_folders(path)?;
        let mut roots: Vec<PathBuf> =
            configurations.iter().filter_map(|folder| folder.parent().map(Path::to_path_buf)).collect();
        roots.sort();
        roots.dedup();
        if roots.is_empty() {
            return Err(ReadError::Empty { path: path.to_path_buf() });
        }
        let (mut groups, mut found) = (Vec::new(), Vec::new());
        for root in roots {
            let (dataset, model) = names(&root);
            found.push(format!("{dataset} / {model}"));
            if filter.matches(&dataset, &model) {
                let own = configurations.iter().filter(|folder| folder.parent() == Some(root.as_path()));
                groups.push(Group::read(dataset, model, &root, own)?);
            }
        }
        if groups.is_empty() {
            return Err(ReadError::NoMatch { wanted: filter.to_string(), found: found.join(", ") });
        }
        Ok(Self { path: path.to_path_buf(), groups })
    }
}

impl Filter {
    /// Whether results of this data set and model are wanted.
    pub fn matches(&self, dataset: &str, model: &str) -> bool {
        let same = |wanted: &Option<String>, name: &str| {
            wanted
                .as_ref()
                .is_none_or(|wanted| wanted.replace('/', "_").to_lowercase() == name.to_lowercase())
        };
        same(&self.dataset, dataset) && same(&self.model, model)
    }
}

impl std::fmt::Display for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let part = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name} {value}"));
        let parts: Vec<String> =
            [part("data set", &self.dataset), part("model", &self.model)].into_iter().flatten().collect();
        f.write_str(&if parts.is_empty() { "anything".to_owned() } else { parts.join(" and ") })
    }
}

impl Group {
    fn read<'a>(
        dataset: String,
        model: String,
        path: &Path,
        folders: impl Iterator<Item = &'a PathBuf>,
    ) -> Result<Self, ReadError> {
        let (experiment, experiment_problem) = match read_experiment(path) {
            Ok(experiment) => (experiment, None),
            Err(problem) => (None, Some(problem)),
        };
        let cards =
            bytes(&path.join(Layout::TASKS)).map(|own| TaskCard::parse(&String::from_utf8_lossy(&own)));
        let cards = cards.unwrap_or_default().into_iter().map(|card| (card.id.clone(), card)).collect();
        let (mut cells, mut unreadable) = (Vec::<Cell>::new(), Vec::new());
        let mut known = BTreeSet::new();
        for folder in folders {
            let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            for file in list(folder)? {
                if parse_stem(&file.file_name().unwrap_or_default().to_string_lossy()).is_none() {
                    continue;
                }
                match Cell::read(&file, &name) {
                    // A copy under another name, as `gamma=0` beside `gamma=0.0`.
                    Ok(cell)
                        if !known.insert((
                            name.clone(),
                            cell.task.clone(),
                            cell.gamma.to_bits(),
                            cell.retry,
                        )) =>
                    {
                        let reason = format!(
                            "a second result of {} at gamma {}; it does not count",
                            cell.task, cell.gamma
                        );
                        unreadable.push((file, reason));
                    }
                    Ok(cell) => cells.push(cell),
                    Err(reason) => unreadable.push((file, reason)),
                }
            }
        }
        let mut tasks: Vec<String> = cells.iter().map(|cell| cell.task.clone()).collect();
        tasks.sort_by(|a, b| natural(a, b));
        tasks.dedup();
        sort(&mut cells, experiment.as_ref());
        let stem = |file: &PathBuf| file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let solved_marks =
            list(&path.join(Layout::SOLVED)).unwrap_or_default().iter().filter_map(stem).collect();
        Ok(Self {
            error_records: error_records(path),
            path: path.to_path_buf(),
            dataset,
            model,
            cells,
            tasks,
            experiment,
            experiment_problem,
            cards,
            solved_marks,
            unreadable,
        })
    }
}

/// The order in which an experiment tries things: configuration, repetition, gamma.
fn sort(cells: &mut [Cell], experiment: Option<&Experiment>) {
    let planned = experiment.map(Experiment::planned).unwrap_or_default();
    let place =
        |cell: &Cell| planned.iter().position(|p| p.folder == cell.configuration).unwrap_or(usize::MAX);
    let gammas = experiment.map(|e| e.gammas.clone()).unwrap_or_default();
    let step = |gamma: f64| gammas.iter().position(|g| *g == gamma).unwrap_or(usize::MAX);
    let mut keyed: Vec<(usize, usize, usize)> =
        cells.iter().enumerate().map(|(i, cell)| (place(cell), step(cell.gamma), i)).collect();
    keyed.sort_by(|(place_a, step_a, a), (place_b, step_b, b)| {
        let (a, b) = (&cells[*a], &cells[*b]);
        place_a
            .cmp(place_b)
            .then_with(|| natural(&a.configuration, &b.configuration))
            .then_with(|| a.retry.cmp(&b.retry))
            .then_with(|| step_a.cmp(step_b))
            .then_with(|| a.gamma.total_cmp(&b.gamma))
            .then_with(|| natural(&a.task, &b.task))
    });
    let sorted: Vec<Cell> = keyed.iter().map(|(_, _, i)| cells[*i].clone()).collect();
    cells.clone_from_slice(&sorted);
}

/// Folders below `path` that hold result files, in order.
pub fn result_folders(path: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let mut found = Vec::new();
    find(path, DEPTH, &mut found)?;
    Ok(found)
}

/// Folders below `path` with an experiment's own file, which is there before the first result is.
pub fn experiments(path: &Path) -> Result<Vec<PathBuf>, ReadError> {
    fn below(path: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), ReadError> {
        for entry in list(path)? {
            let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name == Layout::EXPERIMENT {
                found.push(path.to_path_buf());
            } else if depth > 0 && !name.contains('=') && may_hold_results(&name) && entry.is_dir() {
                below(&entry, depth - 1, found)?;
            }
        }
        Ok(())
    }
    let mut found = Vec::new();
    below(path, DEPTH - 1, &mut found)?;
    Ok(found)
}

fn may_hold_results(name: &str) -> bool {
    !name.starts_with('.') && !Layout::OTHERS.contains(&name)
}

fn find(path: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), ReadError> {
    let mut holds = false;
    for entry in list(path)? {
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if parse_stem(&name).is_some() {
            holds = true;
        } else if depth > 0 && may_hold_results(&name) && entry.is_dir() {
            find(&entry, depth - 1, found)?;
        }
    }
    if holds {
        found.push(path.to_path_buf());
    }
    Ok(())
}

/// Entries of a folder, sorted by name.
pub fn list(path: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let failed = |source| ReadError::Folder { path: path.to_path_buf(), source };
    let entries = std::fs::read_dir(path).map_err(failed)?;
    let mut paths =
        entries.map(|entry| entry.map(|e| e.path())).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    paths.sort();
    Ok(paths)
}

/// Data set and model: the names of the last two folders, however the path was given.
pub fn names(root: &Path) -> (String, String) {
    let whole = root.canonicalize().unwrap_or_else(|_| root.to_path_buf());
    let name = |path: Option<&Path>| {
        path.and_then(Path::file_name)
            .map_or_else(|| "?".to_owned(), |name| name.to_string_lossy().into_owned())
    };
    (name(whole.parent()), name(Some(&whole)))
}

/// What the file of an experiment says; `None` where there is none.
pub fn read_experiment(root: &Path) -> Result<Option<Experiment>, String> {
    let path = root.join(Layout::EXPERIMENT);
    if path.symlink_metadata().is_err() {
        return Ok(None);
    }
    let text = bytes(&path).map(|own| String::from_utf8_lossy(&own).into_owned());
    text.and_then(|text| Experiment::parse(&text)).map(Some)
}

/// How many failed attempts are on record.
pub fn error_records(root: &Path) -> usize {
    let folders = list(&root.join(Layout::ERRORS)).unwrap_or_default();
    folders.iter().map(|folder| list(folder).map_or(0, |files| files.len())).sum()
}
