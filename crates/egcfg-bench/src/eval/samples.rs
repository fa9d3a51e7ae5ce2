//! Programs that something else generated, as samples of a data set's tasks. A line or file that holds none is told with its
//! place, and costs itself only.

use std::collections::HashMap;
use std::path::PathBuf;

use egcfg_files::{Bounds, Fault, FileError};

use crate::dataset::{Dataset, Item};

/// Why samples cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// A file or folder cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// No record can be used; this is the first one's fault.
    #[error("{fault}{}", if *more == 0 { String::new() } else { format!(" (and {more} more)") })]
    Fault {
        /// The first.
        fault: Fault,
        /// How many further ones there are.
        more: usize,
    },
    /// No sample is of a task of the set.
    #[error("no sample in {} is of a task of {set}", path.display())]
    NoneFits {
        /// The file or folder.
        path: PathBuf,
        /// The data set.
        set: String,
    },
}

/// One program to judge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The task's place among the set's items.
    pub item: usize,
    /// Its number among the task's samples, from 0.
    pub number: usize,
    /// The whole program.
    pub program: String,
    /// As it was given: the text of `completion` or `solution`.
    pub given: String,
}

impl Sample {
    /// Whether what was given holds a code fence, as a chat model's answer does.
    pub fn has_fence(&self) -> bool {
        has_fence(&self.given)
    }
}

/// All samples of a file or folder.
#[derive(Debug, Clone, Default)]
pub struct Samples {
    /// In the order of the file; of a folder, in the order of names.
    pub samples: Vec<Sample>,
    /// Ids of tasks that the (selected) set does not have.
    pub foreign: Vec<String>,
    /// Lines, entries and files that hold no sample, and why.
    pub faults: Vec<Fault>,
}

/// What a text is, to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Given {
    /// A whole program.
    Whole,
    /// What follows the task's header.
    Rest,
    /// One or the other: whole where it defines the entry point.
    Either,
}

/// Collects samples, task by task.
pub(super) struct Reader<'a> {
    pub(super) set: &'a Dataset,
    pub(super) bounds: Bounds,
    extract: bool,
    places: HashMap<&'a str, usize>,
    counts: HashMap<usize, usize>,
    pub(super) found: Samples,
}

impl<'a> Reader<'a> {
    pub(super) fn new(set: &'a Dataset, extract: bool, bounds: Bounds) -> Self {
        let places =
            set.items.iter().enumerate().map(|(index, item)| (item.task.id.as_str(), index)).collect();
        Self { set, bounds, extract, places, counts: HashMap::new(), found: Samples::default() }
    }

    /// Adds a sample of the task that an id names.
    pub(super) fn add(&mut self, id: &str, given: String, form: Given) {
        match self.set.find(id) {
            Some(item) => self.add_to(item, given, form),
            None => self.found.foreign.push(id.to_owned()),
        }
    }

    /// Adds a sample of a task.
    pub(super) fn add_to(&mut self, item: &Item, given: String, form: Given) {
        let Some(index) = self.places.get(item.task.id.as_str()).copied() else { return };
        let number = self.counts.entry(index).or_insert(0);
        let program = program(item, &given, form, self.extract);
        self.found.samples.push(Sample { item: index, number: *number, program, given });
        *number += 1;
    }

    pub(super) fn fault(&mut self, fault: Fault) {
        self.found.faults.push(fault);
    }
}

/// The whole program of what was given.
fn program(item: &Item, given: &str, form: Given, extract: bool) -> String {
    let task = &item.task;
    let whole = |text: &str| {
        form == Given::Whole
            || task.header.is_empty()
            || form == Given::Either && egcfg_python::defines(text, &task.entry_point)
    };
    let python = egcfg_python::PythonVersion::default();
    // A valid program needs nothing taken out of it, nor does a completion that makes one.
    let is_answer = egcfg_python::is_answer(given);
    let broken = || match form {
        Given::Rest => egcfg_python::check(&format!("{}{given}", task.header), python).is_err(),
        _ => egcfg_python::check(given, python).is_err(),
    };
    if extract
        && form == Given::Rest
        && let Some(found) = egcfg_python::completed(&task.header, given, task.defines())
    {
        return found;
    }
    if extract && (is_answer || broken()) {
        let name = task.defines().filter(|_| task.form == egcfg_task::Form::Asserts);
        let code = egcfg_python::extract_program(given, name).code;
        let defines = task.defines().is_some_and(|name| egcfg_python::defines(&code, name));
        if !code.trim().is_empty() && (defines || whole(&code)) {
            return code;
        }
        // A completion without fences that is broken stays what it is.
        if !code.trim().is_empty() && (is_answer || form != Given::Rest) {
            return format!("{}{code}", task.header);
        }
    }
    if whole(given) { given.to_owned() } else { format!("{}{given}", task.header) }
}

fn has_fence(text: &str) -> bool {
    text.lines().any(|line| line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~"))
}
