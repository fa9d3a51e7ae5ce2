//! Everything that can be said about a folder, as one versioned value: what the table, the CSV, the JSON and the page show.

use egcfg_results::dataset::{Published, published, wrong_tests};
use egcfg_results::read::{Folder, Group};
use serde::Serialize;

use crate::curve::{Curve, curves};
use crate::fixed::Fixed;
use crate::numbers::Number;
use crate::row::{Row, rows};
use crate::scores::Scores;
use crate::sides::{self, Comparison, Side, sides};

/// Version of [`Report`]'s JSON; raised on purpose when a field changes its meaning.
pub const REPORT_VERSION: u32 = 1;

/// Unreadable files that are named, one a line.
const NAMED: usize = 10;

/// A report on a folder.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// [`REPORT_VERSION`].
    pub version: u32,
    /// One per data set and model.
    pub groups: Vec<GroupReport>,
}

/// A report on one model on one data set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupReport {
    /// The data set.
    pub dataset: String,
    pub model: String,
    pub tasks: usize,
    /// Tasks known to have wrong tests.
    pub wrong_tests: usize,
    /// Guided runs per task.
    pub n: usize,
    /// The fixed configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed: Option<Fixed>,
    /// The baseline, then the four numbers.
    pub numbers: Vec<Number>,
    /// What was published for this data set and model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<Published>,
    /// By configuration and gamma.
    pub rows: Vec<Row>,
    /// Methods side by side: the configuration that stands for each.
    pub sides: Vec<Side>,
    /// Each two of them over the same tasks, and the pairs that were asked for.
    pub comparisons: Vec<Comparison>,
    /// Solved against what was spent.
    pub curves: Vec<Curve>,
    /// Results with an infrastructure error.
    pub errors: usize,
    /// Passing results that rest on the program's own process.
    pub unproven: usize,
    /// What a reader must know.
    pub notes: Vec<String>,
}

impl Report {
    /// Draws up the report. `fixed` names the configuration of the first number, `pairs` what is to be compared besides the
    /// methods.
    pub fn new(folder: &Folder, fixed: Option<&Fixed>, pairs: &[[Fixed; 2]]) -> Self {
        let groups =
            folder.groups.iter().map(|group| GroupReport::new(group, fixed.cloned(), pairs)).collect();
        Self { version: REPORT_VERSION, groups }
    }
}

impl GroupReport {
    fn new(group: &Group, fixed: Option<Fixed>, pairs: &[[Fixed; 2]]) -> Self {
        let fixed = fixed.or_else(|| Fixed::first_of(group));
        let scores = Scores::new(group, fixed.clone());
        let sides = sides(group, fixed.as_ref());
        let rows = rows(group, scores.tasks, sides.first());
        let mut comparisons = sides::comparisons(group, &sides);
        comparisons.extend(pairs.iter().filter_map(|pair| sides::named(group, pair)));
        let errors = rows.iter().map(|row| row.errors).sum();
        let unproven = rows.iter().map(|row| row.unproven).sum();
        Self {
            dataset: group.dataset.clone(),
            model: group.model.clone(),
            tasks: scores.tasks,
            wrong_tests: group.tasks.iter().filter(|task| wrong_tests(&group.dataset, task)).count(),
            n: scores.n,
            numbers: scores.numbers(),
            published: published(&group.dataset, &group.model),
            curves: curves(group, &sides),
            comparisons,
            sides,
            notes: notes(group, &scores, errors, unproven),
            errors,
            unproven,
            rows,
            fixed,
        }
    }
}

/// A warning where results of several models stand under one name.
fn models(group: &Group) -> Option<String> {
    let mut found: Vec<&egcfg_task::ModelIdentity> = Vec::new();
    for own in group.cells.iter().filter_map(|cell| cell.identity.as_ref()) {
        if !found.iter().any(|known| known.key() == own.key()) {
            found.push(own);
        }
    }
    let names: Vec<String> = found.iter().map(ToString::to_string).collect();
    (names.len() > 1)
        .then(|| format!("results of {} models stand here under one name: {}", names.len(), names.join(", ")))
}

/// The reasons why results are not scored, the most frequent first.
fn reasons(group: &Group) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for reason in group.cells.iter().filter_map(|cell| cell.broken.as_deref()) {
        match counts.iter_mut().find(|known| known.0 == reason) {
            Some(known) => known.1 += 1,
            None => counts.push((reason, 1)),
        }
    }
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let said: Vec<String> =
        counts.iter().take(3).map(|(reason, count)| format!("{count} x {reason}")).collect();
    if said.is_empty() { String::new() } else { format!(": {}", said.join("; ")) }
}

fn notes(group: &Group, scores: &Scores<'_>, errors: usize, unproven: usize) -> Vec<String> {
    let mut notes = Vec::new();
    let expected = group.experiment.as_ref().map(egcfg_results::Experiment::units);
    if let Some(expected) = expected.filter(|expected| *expected > group.cells.len()) {
        let why = if scores.until_solved() { " (the run stops at a task's first pass)" } else { "" };
        notes.push(format!("{} of {expected} results are there{why}", group.cells.len()));
    }
    if let Some(problem) = &group.experiment_problem {
        notes.push(format!("what the experiment promises is not known: experiment.toml: {problem}"));
    }
    notes.extend(models(group));
    if errors > 0 {
        notes.push(format!(
            "{errors} results say nothing about a program and are not scored{}",
            reasons(group)
        ));
    }
    if group.error_records > 0 {
        notes.push(format!("{} failed attempts are on record in errors/", group.error_records));
    }
    if unproven > 0 {
        notes.push(format!(
            "{unproven} passing results rest on the program's own process (unproven: the test needs an object of its class)"
        ));
    }
    let named = |(path, reason): &(std::path::PathBuf, String)| {
        let name = path.strip_prefix(&group.path).unwrap_or(path);
        format!("result file {} cannot be read: {reason}", name.display())
    };
    notes.extend(group.unreadable.iter().take(NAMED).map(named));
    if let Some(more) = group.unreadable.len().checked_sub(NAMED).filter(|more| *more > 0) {
        notes.push(format!("{more} more result files cannot be read"));
    }
    notes
}
