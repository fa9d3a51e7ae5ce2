//! One line of the big table: everything of one configuration at one gamma.

use egcfg_guidance::Stats;
use egcfg_results::read::{Cell, Group};
use egcfg_results::stats::{Interval, Score, rsr};
use serde::Serialize;

use crate::sides::Side;

/// All results of one configuration and gamma.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    pub method: String,
    /// The configuration's folder.
    pub configuration: String,
    /// Guidance strength.
    pub gamma: f64,
    /// Sampling temperature, where the name tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Results there are.
    pub results: usize,
    /// Tasks without one.
    pub missing: usize,
    /// Infrastructure errors; not scored.
    pub errors: usize,
    /// Passing results that rest on the program's own process.
    pub unproven: usize,
    /// Results in which guidance never began.
    pub unguided: usize,
    /// Share of the scored tasks that pass, repetitions averaged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<Score>,
    /// The closed share of the baseline's gap, in percent, over the tasks of both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rsr: Option<Interval>,
    /// Results whose shown tests pass, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown_passed: Option<usize>,
    /// Generated tokens per result: the budget.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<f64>,
    /// Tokens put through the model per result, prefill included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub computed: Option<f64>,
    /// Engine calls per result, sampling apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forwards: Option<f64>,
    /// Engine calls under guidance per line completed under it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forwards_per_line: Option<f64>,
    /// Programs written and judged by the shown tests per result, where that was counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub programs: Option<f64>,
    /// Requests to a server per result, where the model is behind one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<f64>,
    /// Requests under guidance per line completed under it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_line: Option<f64>,
    /// Tokens per result that guidance changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<f64>,
    /// Wall seconds per result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

/// The rows of a group, in the experiment's order; `baseline` is what their RSR is against.
pub(crate) fn rows(group: &Group, tasks: usize, baseline: Option<&Side>) -> Vec<Row> {
    let baseline = baseline.map(|side| (side, side.outcomes(group)));
    let mut kinds: Vec<(&str, f64, Vec<&Cell>)> = Vec::new();
    for cell in &group.cells {
        match kinds.iter_mut().find(|kind| kind.0 == cell.configuration && kind.1 == cell.gamma) {
            Some(kind) => kind.2.push(cell),
            None => kinds.push((&cell.configuration, cell.gamma, vec![cell])),
        }
    }
    // Repetitions of a gamma may be met after the next configuration's name: order by first appearance of the name.
    let names: Vec<&str> = kinds.iter().map(|kind| kind.0).collect();
    let place = |name: &str| names.iter().position(|other| *other == name);
    kinds.sort_by_key(|kind| place(kind.0));
    let row = |(name, gamma, cells): &(&str, f64, Vec<&Cell>)| {
        let mut row = row(name, *gamma, cells, tasks);
        let baseline = baseline.as_ref().filter(|(side, _)| cells.iter().any(|cell| !side.covers(cell)));
        row.rsr = baseline.and_then(|(_, outcomes)| {
            let own = cells.iter().filter(|cell| cell.scored());
            let pairs: Vec<(f64, f64)> =
                own.filter_map(|cell| Some((*outcomes.get(cell.task.as_str())?, cell.outcome()))).collect();
            rsr(&pairs)
        });
        row
    };
    kinds.iter().map(row).collect()
}

fn row(name: &str, gamma: f64, cells: &[&Cell], tasks: usize) -> Row {
    let scored: Vec<&&Cell> = cells.iter().filter(|cell| cell.scored()).collect();
    let mut by_task: Vec<(&str, Vec<f64>)> = Vec::new();
    let mut index = std::collections::HashMap::new();
    for cell in &scored {
        let at = *index.entry(cell.task.as_str()).or_insert_with(|| {
            by_task.push((&cell.task, Vec::new()));
            by_task.len() - 1
        });
        by_task[at].1.push(cell.outcome());
    }
    let outcomes: Vec<f64> =
        by_task.iter().map(|(_, own)| own.iter().sum::<f64>() / own.len() as f64).collect();
    let present: std::collections::HashSet<&str> = cells.iter().map(|cell| cell.task.as_str()).collect();
    let mean = |of: &dyn Fn(&Cell) -> Option<f64>| {
        let values: Vec<f64> = scored.iter().filter_map(|cell| of(cell)).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let count = |of: fn(&Cell) -> Option<usize>| mean(&|cell| of(cell).map(|n| n as f64));
    let shown: Option<Vec<bool>> = scored.iter().map(|cell| cell.shown).collect();
    let mut cost = Stats::default();
    for own in scored.iter().filter_map(|cell| cell.cost) {
        cost += own;
    }
    let guided = scored.first().is_some_and(|cell| cell.guided_grid()) && gamma != 0.0;
    Row {
        method: cells.first().map(|cell| cell.method.clone()).unwrap_or_default(),
        configuration: name.to_owned(),
        gamma,
        temperature: temperature(name),
        results: cells.len(),
        missing: tasks.saturating_sub(present.len()),
        errors: cells.len() - scored.len(),
        unproven: scored.iter().filter(|cell| cell.passed && cell.unproven > 0).count(),
        unguided: scored.iter().filter(|cell| guided && cell.began == Some(false)).count(),
        score: Score::of(&outcomes),
        rsr: None,
        forwards_per_line: (cost.guided_lines > 0)
            .then(|| cost.guided_forwards as f64 / cost.guided_lines as f64),
        programs: count(|cell| cell.programs),
        shown_passed: shown.map(|shown| shown.iter().filter(|passed| **passed).count()),
        tokens: count(|cell| cell.tokens),
        computed: count(Cell::computed),
        forwards: count(Cell::forwards),
        requests: count(Cell::requests),
        requests_per_line: cost.requests_per_line(),
        changed: count(Cell::changed),
        seconds: mean(&|cell| cell.seconds),
    }
}

fn temperature(name: &str) -> Option<f64> {
    if let Ok(config) = name.parse::<egcfg_task::Config>() {
        return Some(config.temperature.get());
    }
    let (_, rest) = name.split_once("_t")?;
    rest.split('_').next()?.parse().ok()
}
