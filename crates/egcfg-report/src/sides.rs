//! Methods side by side: which configurations stand for their methods, what each solved of every task, and how far each is
//! ahead of the others over the same tasks.

use std::collections::BTreeMap;

use egcfg_results::MethodFacts;
use egcfg_results::method::PLAIN;
use egcfg_results::read::{Cell, Group};
use egcfg_results::stats::{Interval, lead};
use serde::Serialize;

use crate::fixed::Fixed;

/// Sides that are set against each other without being asked for.
const MOST: usize = 12;

/// One configuration at one gamma, which stands for its method.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Side {
    /// A name for tables and plots, different for each side.
    pub label: String,
    pub method: String,
    /// The folder of results.
    pub configuration: String,
    /// Guidance strength.
    pub gamma: f64,
}

impl Side {
    fn of(cell: &Cell) -> Self {
        let facts = MethodFacts::of(&cell.method);
        Self {
            label: facts.map_or_else(|| cell.method.clone(), |facts| facts.title.to_owned()),
            method: cell.method.clone(),
            configuration: cell.configuration.clone(),
            gamma: cell.gamma,
        }
    }

    /// Whether a result is of this side.
    pub(crate) fn covers(&self, cell: &Cell) -> bool {
        cell.configuration == self.configuration && cell.gamma == self.gamma
    }

    /// What it solved of each task that was scored, 0 to 1: repetitions averaged.
    pub(crate) fn outcomes<'a>(&self, group: &'a Group) -> BTreeMap<&'a str, f64> {
        let mut sums: BTreeMap<&str, (f64, usize)> = BTreeMap::new();
        for cell in group.cells.iter().filter(|cell| self.covers(cell) && cell.scored()) {
            let own = sums.entry(&cell.task).or_default();
            *own = (own.0 + cell.outcome(), own.1 + 1);
        }
        sums.into_iter().map(|(task, (sum, count))| (task, sum / count as f64)).collect()
    }

    fn guided(&self) -> bool {
        MethodFacts::of(&self.method).is_some_and(|facts| facts.uses_gamma)
    }
}

/// The sides of a group: plain greedy decoding (or the fixed configuration at gamma 0), the fixed configuration, and every
/// folder of another method.
pub(crate) fn sides(group: &Group, fixed: Option<&Fixed>) -> Vec<Side> {
    let plain = group.cells.iter().find(|cell| cell.method == PLAIN.name);
    let at_zero = |cell: &&Cell| {
        cell.guided_grid()
            && cell.gamma == 0.0
            && fixed.is_some_and(|fixed| fixed.configuration == cell.configuration)
    };
    let plain = plain.or_else(|| group.cells.iter().find(at_zero));
    let guided = fixed.and_then(|fixed| group.cells.iter().find(|cell| fixed.covers(cell)));
    let others = group.cells.iter().filter(|cell| !cell.guided_grid());
    let mut sides: Vec<Side> = Vec::new();
    for cell in plain.into_iter().chain(guided).chain(others) {
        if sides.len() < MOST && !sides.iter().any(|known| known.covers(cell)) {
            sides.push(Side::of(cell));
        }
    }
    if let Some(first) = sides.first_mut().filter(|side| side.guided() && side.gamma == 0.0) {
        PLAIN.title.clone_into(&mut first.label);
    }
    // Two folders of one method are told apart by their names.
    let labels: Vec<String> = sides.iter().map(|side| side.label.clone()).collect();
    for side in &mut sides {
        if labels.iter().filter(|label| **label == side.label).count() > 1 {
            side.label = format!("{} {}", side.label, side.configuration);
        }
    }
    sides
}

/// Two sides over the tasks that both were scored on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The one.
    pub first: String,
    /// The other.
    pub second: String,
    /// Tasks that both were scored on.
    pub tasks: usize,
    /// Tasks that only the first solves (in the mean, where there are repetitions).
    pub only_first: usize,
    /// Tasks that only the second solves.
    pub only_second: usize,
    /// Points that the second is ahead, over the same tasks.
    pub lead: Interval,
}

/// Every pair of sides; guidance stands second, so that its lead is what is said.
pub(crate) fn comparisons(group: &Group, sides: &[Side]) -> Vec<Comparison> {
    let outcomes: Vec<BTreeMap<&str, f64>> = sides.iter().map(|side| side.outcomes(group)).collect();
    let mut all = Vec::new();
    for b in 0..sides.len() {
        for a in 0..b {
            let (first, second) = if sides[a].guided() && a > 0 { (b, a) } else { (a, b) };
            all.extend(compare((&sides[first], &outcomes[first]), (&sides[second], &outcomes[second])));
        }
    }
    all
}

/// A pair that was asked for: each `NAME` or `NAME@GAMMA`.
pub(crate) fn named(group: &Group, pair: &[Fixed; 2]) -> Option<Comparison> {
    let side = |wanted: &Fixed| {
        let is = |cell: &&Cell| {
            cell.configuration == wanted.configuration && (cell.gamma == wanted.gamma || !cell.guided_grid())
        };
        let side = Side::of(group.cells.iter().find(is)?);
        Some(Side { label: format!("{}@{}", side.configuration, side.gamma), ..side })
    };
    let (first, second) = (side(&pair[0])?, side(&pair[1])?);
    compare((&first, &first.outcomes(group)), (&second, &second.outcomes(group)))
}

fn compare(
    (first, one): (&Side, &BTreeMap<&str, f64>),
    (second, other): (&Side, &BTreeMap<&str, f64>),
) -> Option<Comparison> {
    let pairs: Vec<(f64, f64)> =
        one.iter().filter_map(|(task, outcome)| Some((*outcome, *other.get(task)?))).collect();
    Some(Comparison {
        first: first.label.clone(),
        second: second.label.clone(),
        tasks: pairs.len(),
        only_first: pairs.iter().filter(|pair| pair.0 > pair.1).count(),
        only_second: pairs.iter().filter(|pair| pair.1 > pair.0).count(),
        lead: lead(&pairs)?,
    })
}
