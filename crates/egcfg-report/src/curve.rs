//! Accuracy over tokens spent: the share of tasks solved once each has spent up to x generated tokens, its runs tried in the
//! experiment's order. One definition for every method, so the curves can be held against each other.

use std::collections::BTreeMap;

use egcfg_results::method::EG_CFG;
use egcfg_results::read::{Cell, Group};
use serde::Serialize;

/// One method's curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curve {
    /// Which runs.
    pub label: String,
    /// The method.
    pub method: String,
    /// (tokens per task, percent of tasks solved), rising; begins at (0, 0).
    pub points: Vec<(f64, f64)>,
    /// Tokens of the task that spent the most.
    pub most: f64,
}

/// The curves of a group: all guided runs, guided runs at each gamma, and every other method. Left out where tokens are unknown.
pub(crate) fn curves(group: &Group, tasks: usize) -> Vec<Curve> {
    let mut sets: Vec<(String, &str, Vec<&Cell>)> = Vec::new();
    let guided: Vec<&Cell> = group.cells.iter().filter(|cell| cell.guided_grid()).collect();
    if !guided.is_empty() {
        sets.push(("all EG-CFG runs".into(), EG_CFG.name, guided));
    }
    for cell in group.cells.iter().filter(|cell| !cell.guided_grid()) {
        match sets.iter_mut().find(|set| set.0 == cell.configuration) {
            Some(set) => set.2.push(cell),
            None => sets.push((cell.configuration.clone(), &cell.method, vec![cell])),
        }
    }
    sets.into_iter().filter_map(|(label, method, cells)| curve(label, method, &cells, tasks)).collect()
}

fn curve(label: String, method: &str, cells: &[&Cell], tasks: usize) -> Option<Curve> {
    let mut spent: BTreeMap<&str, (usize, Option<usize>)> = BTreeMap::new();
    for cell in cells.iter().filter(|cell| cell.scored()) {
        let own = spent.entry(&cell.task).or_default();
        own.0 += cell.tokens?;
        if own.1.is_none() && cell.passed {
            own.1 = Some(own.0);
        }
    }
    let mut solved: Vec<usize> = spent.values().filter_map(|own| own.1).collect();
    solved.sort_unstable();
    let mut points = vec![(0.0, 0.0)];
    for (index, tokens) in solved.iter().enumerate() {
        points.push((*tokens as f64, 100.0 * (index + 1) as f64 / tasks.max(1) as f64));
    }
    let most = spent.values().map(|own| own.0).max().unwrap_or(0) as f64;
    Some(Curve { label, method: method.to_owned(), points, most })
}
