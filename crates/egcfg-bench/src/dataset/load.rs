//! From a name, a file and a selection to tasks.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use egcfg_task::{Task, Test};

use super::error::DatasetError;
use super::registry::Info;
use super::source::{self, Record};
use super::{code_contests, ds1000, evalplus, humaneval, mbpp, tasks};

/// One task of a data set with what the set knows beyond it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Item {
    /// The task.
    pub task: Task,
    /// The reference solution as a whole program, where the set has one.
    pub reference: Option<String>,
    /// Tests of the set that the reference must pass beside the deciding ones (MBPP's challenge tests).
    pub reference_tests: Vec<Test>,
    /// How many of the deciding tests, from the first, are the base suite's; the rest are the plus suite's.
    pub base_tests: Option<usize>,
    /// The library that a data-science task is about.
    pub library: Option<String>,
    /// The split that the task belongs to, where the set has splits.
    pub split: Option<&'static str>,
}

/// Which tasks to take.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LoadOptions {
    /// A split's name, `all` for the whole file, or `None` for the split that evaluations use.
    pub split: Option<String>,
    /// Only these tasks, by id with or without its prefix (`11`, `Mbpp/11`), or ranges of numbers (`11..510`, both ends
    /// included); empty means all.
    pub ids: Vec<String>,
    /// At most this many, from the first.
    pub limit: Option<usize>,
}

/// A loaded data set.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// Its name: a registered one, or `tasks` for a user's own file.
    pub name: String,
    /// What is known about it; `None` for a user's own file.
    pub info: Option<&'static Info>,
    /// The file.
    pub path: PathBuf,
    /// sha256 of the file's decompressed content, in hexadecimal.
    pub sha256: String,
    /// The selected tasks, in the file's order.
    pub items: Vec<Item>,
    /// What a person should know: a file that is not one of those that were checked, records left out.
    pub warnings: Vec<String>,
}

impl Dataset {
    /// Reads a data set; `name` is a registered name or alias, or `tasks` for a file of the user's own.
    pub fn load(name: &str, path: &Path, options: &LoadOptions) -> Result<Self, DatasetError> {
        let mut set = if name == "tasks" { Self::own(path)? } else { Self::registered(name, path)? };
        set.select(options)?;
        Ok(set)
    }

    /// The tasks alone.
    pub fn tasks(&self) -> Vec<Task> {
        self.items.iter().map(|item| item.task.clone()).collect()
    }

    /// The task that an id of this or a related set names, in any form (`11`, `Mbpp/11`, `MBPP/11`).
    pub fn find(&self, id: &str) -> Option<&Item> {
        let exact = self.items.iter().find(|item| item.task.id == id);
        exact.or_else(|| {
            self.info?;
            self.items.iter().find(|item| id_key(&item.task.id) == id_key(id))
        })
    }

    fn own(path: &Path) -> Result<Self, DatasetError> {
        let (items, sha256) = tasks::load(path)?;
        let (name, path) = ("tasks".to_owned(), path.to_owned());
        Ok(Self { name, info: None, path, sha256, items, warnings: Vec::new() })
    }

    fn registered(name: &str, path: &Path) -> Result<Self, DatasetError> {
        let info = Info::find(name)?;
        let source = source::read(path)?;
        let read: fn(&Record) -> Result<Item, DatasetError> = match info.name {
            "mbpp" => mbpp::read,
            "mbpp-et" => mbpp::read_et,
            "humaneval" => humaneval::read,
            "humaneval-et" => humaneval::read_et,
            "mbpp+" => evalplus::read_mbpp,
            "humaneval+" => evalplus::read_humaneval,
            "codecontests" => code_contests::read,
            _ => ds1000::read,
        };
        let items = source.records.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let mut seen = HashSet::new();
        for (item, record) in items.iter().zip(&source.records) {
            if !seen.insert(item.task.id.clone()) {
                return Err(DatasetError::Record {
                    place: record.place.clone(),
                    reason: format!("the task {} stands in the file twice", item.task.id),
                });
            }
        }
        let mut warnings = Vec::new();
        if !info.checksums.iter().any(|(sum, _)| *sum == source.sha256) {
            let known: Vec<String> =
                info.checksums.iter().map(|(sum, what)| format!("{sum} ({what})")).collect();
            warnings.push(format!(
                "{} is not a file of {} that was checked: its sha256 is {}, known is {}",
                path.display(),
                info.title,
                source.sha256,
                known.join(" or ")
            ));
        }
        let without: Vec<&str> = items
            .iter()
            .filter(|item| item.task.grading_tests().is_empty())
            .map(|item| item.task.id.as_str())
            .collect();
        if !without.is_empty() {
            warnings.push(format!(
                "{} of {} tasks have no test and cannot be judged",
                without.len(),
                items.len()
            ));
        }
        let (name, path) = (info.name.to_owned(), path.to_owned());
        Ok(Self { name, info: Some(info), path, sha256: source.sha256, items, warnings })
    }

    fn select(&mut self, options: &LoadOptions) -> Result<(), DatasetError> {
        self.select_split(options.split.as_deref())?;
        if !options.ids.is_empty() {
            let mut wanted: Vec<(&String, bool)> = options.ids.iter().map(|id| (id, false)).collect();
            self.items.retain(|item| {
                let mut keep = false;
                for (id, used) in &mut wanted {
                    if names(id, &item.task.id) {
                        (*used, keep) = (true, true);
                    }
                }
                keep
            });
            if let Some((id, _)) = wanted.iter().find(|(_, used)| !used) {
                return Err(DatasetError::Selection(format!(
                    "no task of {} has the id {id}",
                    self.path.display()
                )));
            }
        }
        self.items.truncate(options.limit.unwrap_or(usize::MAX));
        if self.items.is_empty() {
            return Err(DatasetError::Selection(format!("no task of {} is selected", self.path.display())));
        }
        Ok(())
    }

    fn select_split(&mut self, split: Option<&str>) -> Result<(), DatasetError> {
        let has = |name: &str| self.items.iter().any(|item| item.split == Some(name));
        let split = match split {
            Some("all") => return Ok(()),
            Some(name) if has(name) => name.to_owned(),
            Some(name) => {
                let mut names: Vec<&str> = self.items.iter().filter_map(|item| item.split).collect();
                names.sort_unstable();
                names.dedup();
                let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                return Err(DatasetError::Selection(format!(
                    "{} has no task of the split {name}; its splits: {known}",
                    self.path.display()
                )));
            }
            // A file that holds another split only is taken as it is.
            None if has("test") => "test".to_owned(),
            None => return Ok(()),
        };
        self.items.retain(|item| item.split == Some(split.as_str()));
        Ok(())
    }
}

/// The part of an id that related sets share: `11` of `Mbpp/11`, `0` of `HumanEval/0`.
pub fn id_key(id: &str) -> &str {
    id.rsplit_once('/').map_or(id, |(_, key)| key)
}

/// Whether a selection (`11`, `Mbpp/11`, `11..20`) names a task.
fn names(selection: &str, id: &str) -> bool {
    if selection == id || id_key(selection) == id_key(id) {
        return true;
    }
    let range = selection.split_once("..").and_then(|(from, to)| {
        let to = to.strip_prefix('=').unwrap_or(to);
        Some((from.trim().parse::<u64>().ok()?, to.trim().parse::<u64>().ok()?))
    });
    match (range, id_key(id).parse::<u64>()) {
        (Some((from, to)), Ok(number)) => (from..=to).contains(&number),
        _ => false,
    }
}

/// Text with Unix line ends.
pub(super) fn unix(text: &str) -> String {
    text.replace("\r\n", "\n")
}
