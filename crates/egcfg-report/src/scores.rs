//! A group's results by task, and what is computed from those of one kind.

use std::collections::BTreeMap;

use egcfg_results::read::{Cell, Group};

use crate::fixed::Fixed;

/// Outcomes by task, 0 to 1.
pub(crate) type Outcomes<'a> = BTreeMap<&'a str, f64>;

/// What a number is computed from: outcomes, tokens of all tasks, notes.
pub(crate) struct Found<'a> {
    pub(crate) outcomes: Outcomes<'a>,
    pub(crate) tokens: Option<usize>,
    pub(crate) notes: Vec<String>,
}

/// A group with its cells by task, and what is expected of it.
pub(crate) struct Scores<'a> {
    pub(crate) group: &'a Group,
    pub(crate) fixed: Option<Fixed>,
    pub(crate) by_task: BTreeMap<&'a str, Vec<&'a Cell>>,
    /// Guided results per task that a complete folder has.
    pub(crate) n: usize,
    /// Tasks of the data set.
    pub(crate) tasks: usize,
}

impl<'a> Scores<'a> {
    pub(crate) fn new(group: &'a Group, fixed: Option<Fixed>) -> Self {
        let mut by_task: BTreeMap<&str, Vec<&Cell>> =
            group.tasks.iter().map(|task| (task.as_str(), Vec::new())).collect();
        let mut kinds: Vec<(&str, u64, u32)> = Vec::new();
        for cell in group.cells.iter().filter(|cell| cell.guided_grid()) {
            by_task.entry(&cell.task).or_default().push(cell);
            let kind = (cell.configuration.as_str(), cell.gamma.to_bits(), cell.retry);
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        let planned = group.experiment.as_ref().map_or(0, |experiment| {
            let own = experiment.planned();
            own.iter().filter(|p| p.method.uses_gamma).map(|p| p.runs.len()).sum()
        });
        let tasks = group.tasks.len().max(group.experiment.as_ref().map_or(0, |e| e.tasks));
        Self { group, fixed, by_task, n: kinds.len().max(planned), tasks }
    }

    /// All results of one configuration and gamma, repetitions averaged.
    pub(crate) fn of_kind(&self, is: impl Fn(&Cell) -> bool) -> Result<Found<'a>, String> {
        let mut outcomes: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        let (mut broken, mut tokens) = (Vec::new(), Some(0));
        for cell in self.group.cells.iter().filter(|cell| is(cell)) {
            if cell.scored() {
                outcomes.entry(&cell.task).or_default().push(cell.outcome());
                tokens = tokens.zip(cell.tokens).map(|(sum, own)| sum + own);
            } else {
                broken.push(cell.task.as_str());
            }
        }
        broken.retain(|task| !outcomes.contains_key(task));
        let missing = self.tasks - (outcomes.len() + broken.len()).min(self.tasks);
        if missing > 0 {
            return Err(self.incomplete(missing));
        }
        let mean = |own: &Vec<f64>| own.iter().sum::<f64>() / own.len() as f64;
        let outcomes = outcomes.iter().map(|(task, own)| (*task, mean(own))).collect();
        Ok(Found { outcomes, tokens, notes: not_scored(broken.len()) })
    }

    fn incomplete(&self, missing: usize) -> String {
        let why = if self.until_solved() {
            "; the run stopped at the first pass of each task (until solved), so this cannot be known"
        } else {
            ""
        };
        format!("{missing} of {} tasks have no such result{why}", self.tasks)
    }

    /// Whether results are missing because tasks were solved.
    pub(crate) fn until_solved(&self) -> bool {
        match &self.group.experiment {
            Some(experiment) => experiment.until_solved,
            None => {
                !self.group.solved_marks.is_empty()
                    && self
                        .by_task
                        .values()
                        .any(|cells| cells.len() < self.n && cells.iter().any(|c| c.passed))
            }
        }
    }
}

/// What is said of tasks that have no score.
pub(crate) fn not_scored(broken: usize) -> Vec<String> {
    if broken == 0 {
        return Vec::new();
    }
    vec![format!("{broken} tasks are left out: infrastructure errors are not scored")]
}
