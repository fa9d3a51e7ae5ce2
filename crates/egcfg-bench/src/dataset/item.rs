//! What every reader makes of a record, and what a selection is: plain data, on which all other files here stand.

use egcfg_files::{Fault, Record};
use egcfg_task::{Task, Test};

/// One task of a data set with what the set knows beyond it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Item {
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

/// A file's records and the sha256 of its (unpacked) content, in hexadecimal.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) records: Vec<Record>,
    /// What could not be read as a record.
    pub(super) faults: Vec<Fault>,
    pub(super) sha256: String,
}

/// The part of an id that related sets share: `11` of `Mbpp/11`, `0` of `HumanEval/0`, also where the id had to be a file's name
/// (`HumanEval_0`).
pub fn id_key(id: &str) -> &str {
    let is_set = |name: &str| ["humaneval", "mbpp"].contains(&name.to_ascii_lowercase().as_str());
    let parts = id.rsplit_once('/').or_else(|| id.split_once('_').filter(|(name, _)| is_set(name)));
    parts.map_or(id, |(_, key)| key)
}

/// Whether an id names another data set than this one or its relatives: `Mbpp/2` among those of HumanEval.
pub(super) fn is_foreign(set: &str, id: &str) -> bool {
    let key = id_key(id);
    let named = id[..id.len() - key.len()].to_ascii_lowercase();
    let family = ["humaneval", "mbpp"].into_iter().find(|family| set.starts_with(family));
    family.is_some_and(|family| !named.is_empty() && !named.replace(['-', '_'], "").contains(family))
}

/// Text with Unix line ends.
pub(super) fn unix(text: &str) -> String {
    text.replace("\r\n", "\n")
}
