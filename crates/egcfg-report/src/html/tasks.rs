//! The data of the task pages: an index, one block per task with all its runs, and one block per replay.

use std::collections::BTreeMap;

use egcfg_results::dataset::wrong_tests;
use egcfg_results::read::{Cell, Folder, Group, TestOutcome};
use egcfg_results::{MethodFacts, TaskCard};
use serde::Serialize;

use super::embed::{Blocks, pack};
use crate::replay::Replay;
use crate::report::{GroupReport, Report};

/// What [`collect`] gathered, the blocks apart.
pub(crate) struct Tasks<'a> {
    pub(crate) index: Index<'a>,
    /// Replays embedded.
    pub(crate) replays: usize,
    /// Event logs that did not fit.
    pub(crate) left_out: usize,
}

#[derive(Serialize)]
pub(crate) struct Index<'a> {
    groups: Vec<GroupIndex<'a>>,
}

#[derive(Serialize)]
struct GroupIndex<'a> {
    dataset: &'a str,
    model: &'a str,
    /// The fixed configuration and gamma, shown first.
    #[serde(skip_serializing_if = "Option::is_none")]
    fixed: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gamma: Option<f64>,
    tasks: Vec<TaskEntry<'a>>,
}

#[derive(Serialize)]
struct TaskEntry<'a> {
    id: &'a str,
    blob: usize,
}

#[derive(Serialize)]
struct TaskBlock<'a> {
    id: &'a str,
    wrong: bool,
    /// The prompt and the tests, where the folder holds them.
    #[serde(skip_serializing_if = "Option::is_none")]
    card: Option<&'a TaskCard>,
    /// The method's title, by configuration.
    methods: BTreeMap<&'a str, &'a str>,
    runs: Vec<RunEntry<'a>>,
}

/// A run: configuration, gamma, repetition, and what became of it.
#[derive(Serialize)]
struct RunEntry<'a> {
    c: &'a str,
    g: f64,
    r: u32,
    passed: bool,
    broken: Option<&'a str>,
    stop: Option<&'a str>,
    began: Option<bool>,
    tokens: Option<usize>,
    changed: Option<usize>,
    seconds: Option<f64>,
    unproven: usize,
    code: &'a str,
    tests: &'a [TestOutcome],
    replay: Option<usize>,
}

/// Packs all tasks and as many replays as fit into `room` bytes: first those of the fixed configuration, then the others in
/// the experiment's order.
pub(crate) fn collect<'a>(
    folder: &'a Folder,
    report: &'a Report,
    room: usize,
    blocks: &mut Blocks,
) -> Tasks<'a> {
    let (mut left, mut replays, mut left_out) = (room, 0, 0);
    let mut groups = Vec::new();
    for (group, own) in folder.groups.iter().zip(&report.groups) {
        let numbers = embed(group, own, blocks, &mut left, &mut left_out);
        replays += numbers.len();
        groups.push(GroupIndex {
            dataset: &group.dataset,
            model: &group.model,
            fixed: own.fixed.as_ref().map(|fixed| fixed.configuration.as_str()),
            gamma: own.fixed.as_ref().map(|fixed| fixed.gamma),
            tasks: tasks(group, &numbers, blocks),
        });
    }
    Tasks { index: Index { groups }, replays, left_out }
}

/// Embeds a group's replays; block numbers by index of the cell.
fn embed(
    group: &Group,
    report: &GroupReport,
    blocks: &mut Blocks,
    left: &mut usize,
    left_out: &mut usize,
) -> BTreeMap<usize, usize> {
    let fixed = report.fixed.as_ref().map(|fixed| fixed.configuration.as_str());
    let mut order: Vec<usize> = (0..group.cells.len()).filter(|i| group.cells[*i].events.is_some()).collect();
    order.sort_by_key(|i| Some(group.cells[*i].configuration.as_str()) != fixed);
    let mut numbers = BTreeMap::new();
    for index in order {
        // Once the room is used up the logs that remain need not be read.
        if *left == 0 {
            *left_out += 1;
            continue;
        }
        let Some(replay) = group.cells[index].events.as_deref().and_then(Replay::read) else { continue };
        let packed = pack(&replay);
        if packed.len() > *left {
            *left = 0;
            *left_out += 1;
            continue;
        }
        *left -= packed.len();
        numbers.insert(index, blocks.add(packed));
    }
    numbers
}

fn tasks<'a>(group: &'a Group, replays: &BTreeMap<usize, usize>, blocks: &mut Blocks) -> Vec<TaskEntry<'a>> {
    let mut by_task: BTreeMap<&str, Vec<(usize, &Cell)>> = BTreeMap::new();
    for (index, cell) in group.cells.iter().enumerate() {
        by_task.entry(&cell.task).or_default().push((index, cell));
    }
    let entry = |id: &'a String| {
        let runs = by_task.get(id.as_str()).map(Vec::as_slice).unwrap_or_default();
        let runs = runs.iter().map(|(index, cell)| RunEntry {
            c: &cell.configuration,
            g: cell.gamma,
            r: cell.retry,
            passed: cell.passed,
            broken: cell.broken.as_deref(),
            stop: cell.stop.as_deref(),
            began: cell.began,
            tokens: cell.tokens,
            changed: cell.changed(),
            seconds: cell.seconds,
            unproven: cell.unproven,
            code: &cell.code,
            tests: &cell.tests,
            replay: replays.get(index).copied(),
        });
        let title =
            |cell: &'a Cell| MethodFacts::of(&cell.method).map_or(cell.method.as_str(), |facts| facts.title);
        let own = by_task.get(id.as_str()).map(Vec::as_slice).unwrap_or_default();
        let block = TaskBlock {
            id,
            wrong: wrong_tests(&group.dataset, id),
            card: group.cards.get(id),
            methods: own.iter().map(|(_, cell)| (cell.configuration.as_str(), title(cell))).collect(),
            runs: runs.collect(),
        };
        TaskEntry { id, blob: blocks.add(pack(&block)) }
    };
    group.tasks.iter().map(entry).collect()
}
