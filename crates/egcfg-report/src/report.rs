//! Everything that can be said about a folder, as one versioned value: what the table, the CSV, the JSON and the page show.

use egcfg_results::dataset::{Published, published, wrong_tests};
use egcfg_results::read::{Cell, Folder, Group};
use serde::Serialize;

use crate::curve::{Curve, curves};
use crate::numbers::{Number, Scores};
use crate::row::{Row, rows};

/// Version of [`Report`]'s JSON; raised on purpose when a field changes its meaning.
pub const REPORT_VERSION: u32 = 1;

/// Unreadable files that are named, one a line.
const NAMED: usize = 10;

/// The configuration whose pass@1 is reported. It must be fixed without looking at its score.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fixed {
    /// The configuration's name.
    pub configuration: String,
    /// Guidance strength.
    pub gamma: f64,
    /// How it came to be this one.
    pub reason: &'static str,
}

impl Fixed {
    /// Reads `NAME` or `NAME@GAMMA`; the gamma is 1 where none is given.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, gamma) = text.split_once('@').unwrap_or((text, "1"));
        let gamma: f64 = gamma.parse().map_err(|_| format!("'{gamma}' after '@' is no gamma"))?;
        if name.is_empty() || !gamma.is_finite() {
            return Err(format!("'{text}' is not NAME or NAME@GAMMA"));
        }
        Ok(Self { configuration: name.to_owned(), gamma, reason: "named on the command line" })
    }

    /// Whether a result is of this configuration and gamma.
    pub fn covers(&self, cell: &Cell) -> bool {
        cell.guided_grid() && cell.configuration == self.configuration && cell.gamma == self.gamma
    }
}

impl std::fmt::Display for Fixed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at gamma {}", self.configuration, self.gamma)
    }
}

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
    /// The model.
    pub model: String,
    /// Tasks.
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
    /// Accuracy over tokens.
    pub curves: Vec<Curve>,
    /// Results with an infrastructure error.
    pub errors: usize,
    /// Passing results that rest on the program's own process.
    pub unproven: usize,
    /// What a reader must know.
    pub notes: Vec<String>,
}

impl Report {
    /// Draws up the report. `fixed` names the configuration of the first number.
    pub fn new(folder: &Folder, fixed: Option<&Fixed>) -> Self {
        let groups = folder.groups.iter().map(|group| GroupReport::new(group, fixed.cloned())).collect();
        Self { version: REPORT_VERSION, groups }
    }
}

impl GroupReport {
    fn new(group: &Group, fixed: Option<Fixed>) -> Self {
        let fixed = fixed.or_else(|| default_fixed(group));
        let scores = Scores::new(group, fixed.clone());
        let rows = rows(group, scores.tasks());
        let errors = rows.iter().map(|row| row.errors).sum();
        let unproven = rows.iter().map(|row| row.unproven).sum();
        Self {
            dataset: group.dataset.clone(),
            model: group.model.clone(),
            tasks: scores.tasks(),
            wrong_tests: group.tasks.iter().filter(|task| wrong_tests(&group.dataset, task)).count(),
            n: scores.n(),
            numbers: scores.numbers(),
            published: published(&group.dataset, &group.model),
            curves: curves(group, scores.tasks()),
            notes: notes(group, &scores, errors, unproven),
            errors,
            unproven,
            rows,
            fixed,
        }
    }
}

/// The configuration that comes first in the experiment, at gamma 1 or the smallest above 0: a rule that does not look at scores.
fn default_fixed(group: &Group) -> Option<Fixed> {
    let first = group.cells.iter().find(|cell| cell.guided_grid() && cell.gamma != 0.0)?;
    let own = group.cells.iter().filter(|c| c.configuration == first.configuration && c.gamma != 0.0);
    let mut gammas: Vec<f64> = own.map(|cell| cell.gamma).collect();
    gammas.sort_by(f64::total_cmp);
    let gamma = if gammas.contains(&1.0) { 1.0 } else { *gammas.first()? };
    let reason = "the experiment's first configuration, chosen without looking at scores";
    Some(Fixed { configuration: first.configuration.clone(), gamma, reason })
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
