//! What running the programs says about their beginnings. A beginning whose completed part raises on every shown test is *dead*:
//! whatever follows raises as well. Two beginnings that stand at the same kind of place with the same values in the same variables
//! on every shown test have the same future there: only the more probable one need go on.
//!
//! Both look at places that a run reaches by falling through the function's own lines. They hold for the shown tests and no others,
//! and take a value for what its rendering shows: two names of one list and two equal lists look the same.

use std::collections::HashMap;
use std::fmt::Write as _;

use egcfg_model::{LanguageModel, TokenId};
use egcfg_python::{Outline, PythonVersion};
use egcfg_task::{Event, Observation, Outcome, Step, Task, Trace, Verdict};

use crate::tree::{NodeId, Tree};

/// Types whose bounded rendering tells the whole value.
const PLAIN: [&str; 11] =
    ["int", "float", "bool", "complex", "str", "bytes", "NoneType", "list", "tuple", "dict", "range"];
/// Sets are written in order, so equal ones look equal.
const SETS: [&str; 2] = ["set", "frozenset"];
/// Raised because of what stands below, or not because of what stands above alone: a name may be defined further down, a function
/// may end its recursion there.
const OPEN: [&str; 3] = ["NameError", "UnboundLocalError", "RecursionError"];

/// A program that was run, where it stands in its leaf.
pub(super) struct Ran<'a> {
    pub(super) task: &'a Task,
    pub(super) model: &'a dyn LanguageModel,
    pub(super) python: PythonVersion,
    /// Bytes of the answer that stand in the prompt already.
    pub(super) opening: usize,
    /// The leaf's text, opening included, and the program in it.
    pub(super) text: &'a str,
    pub(super) program: &'a str,
    pub(super) observations: &'a [Observation],
    pub(super) leaf: NodeId,
}

/// A line's end among a leaf's tokens.
struct Place {
    node: NodeId,
    /// What of its last token reaches beyond the line.
    beyond: Vec<u8>,
}

impl Ran<'_> {
    /// The lines of the program's function, and by how many lines the sandbox saw it further down.
    fn outline(&self) -> Option<(Outline, usize)> {
        let task = self.task;
        if !task.context.is_empty() {
            return None;
        }
        let outline = egcfg_python::outline(self.program, task.defines()?, self.python)?;
        let whole = egcfg_python::with_preamble(&task.header, &task.entry_point, self.program);
        let added = whole.strip_suffix(self.program)?;
        Some((outline, added.matches('\n').count()))
    }

    /// Where the program's line `number` ends (0: where the program begins).
    fn place(&self, tree: &Tree, number: usize) -> Option<Place> {
        let begin = self.text.find(self.program.trim_end())?;
        let ends = self.program.match_indices('\n').map(|(at, _)| begin + at + 1);
        let end = if number == 0 { begin } else { ends.take(number).last()? };
        // What the answer does not hold was added for the judge.
        if end > self.text.len() || end <= self.opening || self.text.contains('\u{fffd}') {
            return None;
        }
        let mut at = self.opening;
        for node in tree.along(self.leaf).into_iter().skip(1) {
            let bytes = self.bytes(tree.token(node));
            at += bytes.len();
            if at >= end {
                return Some(Place { node, beyond: bytes[bytes.len() - (at - end)..].to_vec() });
            }
        }
        None
    }

    fn bytes(&self, token: TokenId) -> &[u8] {
        if self.model.info().end_tokens.contains(&token) { &[] } else { self.model.token_bytes(token) }
    }

    /// The node of the shortest beginning that raises on every shown test, whatever follows.
    pub(super) fn dead_end(&self, tree: &Tree) -> Option<NodeId> {
        let (outline, shift) = self.outline()?;
        let mut end = 0;
        for seen in self.observations {
            let Verdict::Exception { exception } = &seen.result.verdict else { return None };
            if OPEN.contains(&exception.as_str()) {
                return None;
            }
            let trace = seen.trace.as_ref().filter(|trace| trace.cut.is_none())?;
            let line = (raised_at(trace, &self.task.entry_point)? as usize).checked_sub(shift)?;
            let own = outline.lines.iter().filter(|own| (own.first..=own.last).contains(&line));
            // Where several statements share a line all must be straight.
            let own: Vec<_> = own.collect();
            if own.is_empty() || own.iter().any(|own| !own.straight) {
                return None;
            }
            end = own.iter().map(|own| own.last).fold(end, usize::max);
        }
        (end > 0).then(|| self.place(tree, end)).flatten().map(|place| place.node)
    }

    /// The states in which the function's own lines were reached, each with the node that leads there.
    pub(super) fn states(&self, tree: &Tree) -> Vec<(String, NodeId)> {
        let Some((outline, shift)) = self.outline() else { return Vec::new() };
        let head: String = self.program.split_inclusive('\n').take(outline.header).collect();
        let mut found = Vec::new();
        for line in outline.lines.iter().filter(|line| line.top).skip(1) {
            let Some(values) = self.values(line.first + shift) else { continue };
            let Some(place) = self.place(tree, line.first - 1) else { continue };
            found.push((format!("{head}\0{:?}\0{values}", place.beyond), place.node));
        }
        found
    }

    /// The variables before a line on every shown test; `None` where a test did not reach it, or where a value is more than its
    /// rendering shows.
    fn values(&self, line: usize) -> Option<String> {
        if self.observations.is_empty() {
            return None;
        }
        let mut text = String::new();
        for seen in self.observations {
            let trace = seen.trace.as_ref()?;
            let own = own_frame(trace, &self.task.entry_point)?;
            let step =
                own.into_iter().find(|step| step.event == Event::Line && step.line as usize == line)?;
            let mut locals: Vec<_> = step.locals.iter().collect();
            locals.sort_by(|a, b| a.name.cmp(&b.name));
            for local in locals {
                let plain =
                    PLAIN.contains(&local.type_name.as_str()) || SETS.contains(&local.type_name.as_str());
                // An object inside a list is written in angle brackets, and what does not fit is left out with dots.
                if !plain || local.value.contains(['<', '\u{2026}']) || local.value.contains("...") {
                    return None;
                }
                let _ = write!(text, "{}\u{1}{}\u{1}{}\u{2}", local.name, local.type_name, local.value);
            }
            text.push('\u{3}');
        }
        Some(text)
    }
}

/// The steps of the task's function itself; `None` where it calls itself, since then lines below were reached too.
fn own_frame<'t>(trace: &'t Trace, name: &str) -> Option<Vec<&'t Step>> {
    let call = trace.steps.iter().find(|step| step.event == Event::Call && step.depth >= 2)?;
    let own = call.function == name
        && !trace.steps.iter().any(|step| step.depth > call.depth && step.function == name);
    own.then(|| trace.steps.iter().filter(|step| step.depth == call.depth && step.function == name).collect())
}

/// The line of the task's function at which what it raises came up.
fn raised_at(trace: &Trace, name: &str) -> Option<u32> {
    let last = own_frame(trace, name)?.into_iter().next_back()?;
    let raised = last.event == Event::Exception && matches!(last.outcome, Some(Outcome::Raised { .. }));
    raised.then_some(last.line)
}

/// The states that were reached, by whom.
#[derive(Debug, Default)]
pub(super) struct States {
    known: HashMap<String, NodeId>,
}

impl States {
    /// Takes up a state and closes the less probable of two beginnings that share it.
    pub(super) fn meet(&mut self, tree: &mut Tree, state: String, node: NodeId) {
        let Some(other) = self.known.get(&state).copied().filter(|other| *other != node) else {
            self.known.insert(state, node);
            return;
        };
        // A beginning of the other one is always the more probable of the two.
        let (kept, left) =
            if tree.log_prob(node) > tree.log_prob(other) { (node, other) } else { (other, node) };
        if !tree.is_closed(left) && !tree.is_closed(kept) {
            tree.close(left);
        }
        if !tree.is_closed(kept) {
            self.known.insert(state, kept);
        }
    }
}
