//! From a name, a file and a selection to tasks. A record that cannot be used is left out and told; the others are the set.

use std::path::{Path, PathBuf};

use egcfg_files::{Fault, Record};
use egcfg_task::Task;

use super::error::DatasetError;
use super::item::{Item, LoadOptions, id_key, is_foreign};
use super::left_out::{first_of_each, told};
use super::registry::{self, Info};
use super::select::select;
use super::{code_contests, ds1000, evalplus, humaneval, mbpp, source, tasks};

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
    /// Records that were left out, each with its line and what is wrong with it.
    pub faults: Vec<Fault>,
    /// What a person should know: a file that is not one of those that were checked, records left out.
    pub warnings: Vec<String>,
}

impl Dataset {
    /// Reads a data set; `name` is a registered name or alias, or `tasks` for a file of the user's own.
    pub fn load(name: &str, path: &Path, options: &LoadOptions) -> Result<Self, DatasetError> {
        let mut set = if name == "tasks" { Self::own(path)? } else { Self::registered(name, path)? };
        select(&mut set.items, options, path)?;
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
            let info = self.info?;
            if is_foreign(info.name, id) {
                return None;
            }
            self.items.iter().find(|item| id_key(&item.task.id) == id_key(id))
        })
    }

    fn own(path: &Path) -> Result<Self, DatasetError> {
        let list = tasks::load(path)?;
        let warnings = told(&list.faults);
        let (name, path) = ("tasks".to_owned(), path.to_owned());
        let (sha256, items, faults) = (list.sha256, list.items, list.faults);
        Ok(Self { name, info: None, path, sha256, items, faults, warnings })
    }

    fn registered(name: &str, path: &Path) -> Result<Self, DatasetError> {
        let unknown = || DatasetError::Unknown {
            name: name.to_owned(),
            known: registry::all().iter().map(|info| info.name).collect(),
        };
        let info = Info::find(name).ok_or_else(unknown)?;
        let source = source::read(path)?;
        let read: fn(&Record) -> Result<Item, Fault> = match info.name {
            "mbpp" => mbpp::read,
            "mbpp-et" => mbpp::read_et,
            "humaneval" => humaneval::read,
            "humaneval-et" => humaneval::read_et,
            "mbpp+" => evalplus::read_mbpp,
            "humaneval+" => evalplus::read_humaneval,
            "codecontests" => code_contests::read,
            _ => ds1000::read,
        };
        let mut faults = source.faults;
        let read = source.records.into_iter().filter_map(|record| match read(&record) {
            Ok(item) => Some((record.place, item)),
            Err(fault) => {
                faults.push(fault);
                None
            }
        });
        let read: Vec<(String, Item)> = read.collect();
        let items = first_of_each(read, &mut faults);
        if items.is_empty() {
            return Err(
                DatasetError::of(faults, None).unwrap_or_else(|| DatasetError::Empty(path.to_owned()))
            );
        }
        let mut warnings = told(&faults);
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
        let without = items.iter().filter(|item| item.task.grading_tests().is_empty()).count();
        if without > 0 {
            warnings.push(format!("{without} of {} tasks have no test and cannot be judged", items.len()));
        }
        let (name, path) = (info.name.to_owned(), path.to_owned());
        Ok(Self { name, info: Some(info), path, sha256: source.sha256, items, faults, warnings })
    }
}
