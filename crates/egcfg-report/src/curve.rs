//! Solved against what was spent: the share of tasks solved once each has spent up to x, with bootstrap bands, for every
//! method over the same tasks. A task's runs are tried in the experiment's order; the first that passes the shown tests is
//! the answer and ends the spending, whether or not it passes the graded ones. One definition for every method, so the
//! curves can be held against each other.

use std::collections::{BTreeMap, BTreeSet};

use egcfg_results::method::EG_CFG;
use egcfg_results::read::{Cell, Group};
use egcfg_results::stats::{Interval, mean_interval};
use serde::Serialize;

use crate::sides::Side;

/// Places along a curve at which its band is computed.
const PLACES: usize = 48;

/// What is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Axis {
    /// Generated tokens, accepted and sampled: the budget.
    Generated,
    /// Tokens put through the model, prefill included.
    Computed,
    /// Wall seconds.
    Seconds,
}

impl Axis {
    const ALL: [Self; 3] = [Self::Generated, Self::Computed, Self::Seconds];

    /// In words.
    pub fn title(self) -> &'static str {
        match self {
            Self::Generated => "generated tokens per task",
            Self::Computed => "computed tokens per task",
            Self::Seconds => "seconds per task",
        }
    }

    fn of(self, cell: &Cell) -> Option<f64> {
        match self {
            Self::Generated => cell.tokens.map(|tokens| tokens as f64),
            Self::Computed => cell.computed().map(|tokens| tokens as f64),
            Self::Seconds => cell.seconds,
        }
    }
}

/// A place on a curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// What each task has spent at most.
    pub spent: f64,
    /// Percent of tasks solved by then, with its band.
    pub solved: Interval,
}

/// One method's curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curve {
    /// What is spent.
    pub axis: Axis,
    /// Which runs.
    pub label: String,
    pub method: String,
    /// Tasks, the same ones for every curve of an axis.
    pub tasks: usize,
    /// Rising; begins at 0.
    pub points: Vec<Point>,
    /// What the task that spent the most has spent.
    pub most: f64,
}

impl Curve {
    /// Percent solved within a budget.
    pub(crate) fn at(&self, spent: f64) -> Option<Interval> {
        self.points.iter().take_while(|point| point.spent <= spent).last().map(|point| point.solved)
    }
}

/// The runs of one curve.
struct Runs<'a> {
    label: String,
    method: &'a str,
    by_task: BTreeMap<&'a str, Vec<&'a Cell>>,
}

/// The curves of a group: every side, and all guided runs in their order where a task has several.
pub(crate) fn curves(group: &Group, sides: &[Side]) -> Vec<Curve> {
    let runs = |label: String, method: &'static str, is: &dyn Fn(&Cell) -> bool| {
        let mut by_task: BTreeMap<&str, Vec<&Cell>> = BTreeMap::new();
        for cell in group.cells.iter().filter(|cell| cell.scored() && is(cell)) {
            by_task.entry(&cell.task).or_default().push(cell);
        }
        Runs { label, method, by_task }
    };
    let of_side = |side: &Side| {
        let method = egcfg_results::MethodFacts::of(&side.method).map_or(EG_CFG.name, |facts| facts.name);
        runs(side.label.clone(), method, &|cell| side.covers(cell))
    };
    let mut sets: Vec<Runs<'_>> = sides.iter().map(of_side).collect();
    let all = runs(format!("{}, all runs in order", EG_CFG.title), EG_CFG.name, &Cell::guided_grid);
    if all.by_task.values().any(|own| own.len() > 1) {
        sets.push(all);
    }
    sets.retain(|set| !set.by_task.is_empty());
    Axis::ALL.into_iter().flat_map(|axis| on(axis, &sets)).collect()
}

/// All curves of an axis, over the tasks for which each method's spending is known.
fn on(axis: Axis, sets: &[Runs<'_>]) -> Vec<Curve> {
    let known = |own: &Vec<&Cell>| own.iter().all(|cell| axis.of(cell).is_some());
    let has_any = |set: &&Runs<'_>| set.by_task.values().any(known);
    let sets: Vec<&Runs<'_>> = sets.iter().filter(has_any).collect();
    let tasks_of = |set: &Runs<'_>| -> BTreeSet<String> {
        set.by_task.iter().filter(|(_, own)| known(own)).map(|(task, _)| (*task).to_owned()).collect()
    };
    let shared = sets.iter().map(|set| tasks_of(set)).reduce(|a, b| a.intersection(&b).cloned().collect());
    let shared = shared.unwrap_or_default();
    if shared.is_empty() {
        return Vec::new();
    }
    sets.iter().map(|set| curve(axis, set, &shared)).collect()
}

fn curve(axis: Axis, set: &Runs<'_>, tasks: &BTreeSet<String>) -> Curve {
    let ends: Vec<(Option<f64>, f64)> =
        tasks.iter().filter_map(|task| set.by_task.get(task.as_str())).map(|runs| end(axis, runs)).collect();
    let most = ends.iter().map(|end| end.1).fold(0.0, f64::max);
    let mut places: Vec<f64> = ends.iter().filter_map(|end| end.0).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    let places = thinned(&places);
    let point = |spent: f64| {
        let outcomes: Vec<f64> =
            ends.iter().map(|end| if end.0.is_some_and(|at| at <= spent) { 100.0 } else { 0.0 }).collect();
        mean_interval(&outcomes).map(|solved| Point { spent, solved })
    };
    Curve {
        axis,
        label: set.label.clone(),
        method: set.method.to_owned(),
        tasks: ends.len(),
        points: std::iter::once(0.0).chain(places).filter_map(point).collect(),
        most,
    }
}

/// What a task had spent when it was solved, if it was, and when its last run ended.
fn end(axis: Axis, runs: &[&Cell]) -> (Option<f64>, f64) {
    let mut spent = 0.0;
    for run in runs {
        spent += axis.of(run).unwrap_or(0.0);
        // Where nothing is known of the shown tests, the graded ones choose.
        if run.shown.unwrap_or(run.passed) {
            return (run.passed.then_some(spent), spent);
        }
    }
    // None passes the shown tests: the answer is the last, as a method that ends without success gives it.
    (runs.last().is_some_and(|run| run.passed).then_some(spent), spent)
}

/// At most [`PLACES`] of these, the last among them.
fn thinned(places: &[f64]) -> Vec<f64> {
    if places.len() <= PLACES {
        return places.to_vec();
    }
    (1..=PLACES).map(|place| places[place * places.len() / PLACES - 1]).collect()
}
