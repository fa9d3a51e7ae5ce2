//! The four numbers of an experiment. Each is computed only where the folder really holds what it needs; otherwise it
//! says what is missing instead of guessing.

use std::collections::BTreeMap;

use egcfg_results::dataset::{shown_are_graded, wrong_tests};
use egcfg_results::method::{BEST_OF, PLAIN};
use egcfg_results::read::{Cell, Group};
use egcfg_results::stats::{Interval, Score, rsr};
use egcfg_task::PromptType;
use serde::Serialize;

use crate::fixed::Fixed;

/// Which of the four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Greedy decoding without guidance; what the others are held against.
    Baseline,
    /// pass@1 of one fixed configuration and gamma.
    Fixed,
    /// Of all runs of a task, the one that the shown tests choose.
    Chosen,
    /// Any of all runs passes the graded tests.
    AnyOfN,
    /// Best-of-N without guidance, chosen by the shown tests.
    Unguided,
}

/// One of the four numbers, or why it cannot be known.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Number {
    pub kind: Kind,
    /// Its name.
    pub label: &'static str,
    /// What exactly was counted.
    pub of: String,
    /// The share of tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<Score>,
    /// The same without the tasks whose tests are wrong, where the data set has such.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without_wrong_tests: Option<Score>,
    /// The closed share of the baseline's gap, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rsr: Option<Interval>,
    /// Generated tokens per task that it took, where all are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_task: Option<f64>,
    /// Why there is no number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
    /// What must be known to read it rightly.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Outcomes by task, 0 to 1.
pub(crate) type Outcomes<'a> = BTreeMap<&'a str, f64>;

/// What a number is computed from: outcomes, tokens of all tasks, notes.
struct Found<'a> {
    outcomes: Outcomes<'a>,
    tokens: Option<usize>,
    notes: Vec<String>,
}

/// A group with its cells by task, and what is expected of it.
pub(crate) struct Scores<'a> {
    group: &'a Group,
    fixed: Option<Fixed>,
    by_task: BTreeMap<&'a str, Vec<&'a Cell>>,
    /// Guided results per task that a complete folder has.
    n: usize,
    tasks: usize,
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

    /// Guided results per task.
    pub(crate) fn n(&self) -> usize {
        self.n
    }

    /// Tasks of the data set.
    pub(crate) fn tasks(&self) -> usize {
        self.tasks
    }

    /// Baseline, then the four numbers.
    pub(crate) fn numbers(&self) -> Vec<Number> {
        let baseline = self.baseline();
        let outcomes = baseline.1.as_ref().ok().map(|found| found.outcomes.clone());
        let rest = [self.fixed(), self.chosen(), self.any_of_n(), self.unguided()];
        let mut numbers = vec![self.number(Kind::Baseline, baseline, None)];
        let kinds = [Kind::Fixed, Kind::Chosen, Kind::AnyOfN, Kind::Unguided];
        numbers.extend(
            kinds.into_iter().zip(rest).map(|(kind, found)| self.number(kind, found, outcomes.as_ref())),
        );
        numbers
    }

    fn number(
        &self,
        kind: Kind,
        (of, found): (String, Result<Found<'a>, String>),
        baseline: Option<&Outcomes<'a>>,
    ) -> Number {
        let label = match kind {
            Kind::Baseline => "greedy, unguided",
            Kind::Fixed => "pass@1, fixed configuration",
            Kind::Chosen => "chosen by shown tests",
            Kind::AnyOfN => "any of N, oracle",
            Kind::Unguided => "unguided at equal tokens",
        };
        let empty = Number {
            kind,
            label,
            of,
            score: None,
            without_wrong_tests: None,
            rsr: None,
            tokens_per_task: None,
            unknown: None,
            notes: Vec::new(),
        };
        let found = match found {
            Ok(found) if !found.outcomes.is_empty() => found,
            Ok(_) => return Number { unknown: Some("no result was scored".into()), ..empty },
            Err(reason) => return Number { unknown: Some(reason), ..empty },
        };
        let outcomes: Vec<f64> = found.outcomes.values().copied().collect();
        let right: Vec<f64> = found
            .outcomes
            .iter()
            .filter(|(task, _)| !wrong_tests(&self.group.dataset, task))
            .map(|(_, outcome)| *outcome)
            .collect();
        let pairs: Option<Vec<(f64, f64)>> = baseline.map(|baseline| {
            found.outcomes.iter().filter_map(|(task, own)| Some((*baseline.get(task)?, *own))).collect()
        });
        Number {
            score: Score::of(&outcomes),
            without_wrong_tests: (right.len() < outcomes.len()).then(|| Score::of(&right)).flatten(),
            rsr: pairs.as_deref().and_then(rsr),
            tokens_per_task: found.tokens.map(|tokens| tokens as f64 / outcomes.len() as f64),
            notes: found.notes,
            ..empty
        }
    }

    /// All results of one configuration and gamma, repetitions averaged.
    fn of_kind(&self, is: impl Fn(&Cell) -> bool) -> Result<Found<'a>, String> {
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

    fn baseline(&self) -> (String, Result<Found<'a>, String>) {
        // The baseline is asked as the configuration was: the suffix of the prompt type stands in both names.
        let marked =
            |name: &str| PromptType::ALL.map(|one| !one.suffix().is_empty() && name.contains(one.suffix()));
        let wanted = self.fixed.as_ref().map_or([false; 3], |fixed| marked(&fixed.configuration));
        let plain = |cell: &Cell| cell.method == PLAIN.name && marked(&cell.configuration) == wanted;
        let fixed = self.fixed.as_ref().map(|fixed| fixed.configuration.clone());
        if let Some(name) = fixed {
            let at_zero = |cell: &Cell| cell.configuration == name && cell.gamma == 0.0 && cell.guided_grid();
            if self.group.cells.iter().any(at_zero) {
                return (format!("{name} at gamma 0"), self.of_kind(at_zero));
            }
        }
        if self.group.cells.iter().any(plain) {
            return ("method plain".into(), self.of_kind(plain));
        }
        (String::new(), Err("no result at gamma 0 or of the method plain".into()))
    }

    fn fixed(&self) -> (String, Result<Found<'a>, String>) {
        let Some(fixed) = &self.fixed else {
            return (String::new(), Err("no result of a guided configuration".into()));
        };
        let is = |cell: &Cell| fixed.covers(cell);
        let mut found = self.of_kind(is);
        if let Ok(found) = &mut found {
            found.notes.insert(0, fixed.reason.into());
        }
        (fixed.to_string(), found)
    }

    /// The run that the shown tests choose: the first that passes them in the order of the experiment, else the first.
    fn chosen(&self) -> (String, Result<Found<'a>, String>) {
        let of = format!("the first of {} runs that passes the shown tests, else the first", self.n);
        let same = shown_are_graded(&self.group.dataset);
        let shown = |cell: &Cell| if same { Some(cell.shown.unwrap_or(cell.passed)) } else { cell.shown };
        let mut found = Found { outcomes: Outcomes::new(), tokens: Some(0), notes: Vec::new() };
        let (mut missing, mut broken, mut unknown) = (0, 0, 0);
        for (task, cells) in &self.by_task {
            let scored: Vec<&&Cell> = cells.iter().filter(|cell| cell.scored()).collect();
            unknown += usize::from(scored.iter().any(|cell| shown(cell).is_none()));
            let choice = scored.iter().find(|cell| shown(cell) == Some(true));
            let tokens = cells.iter().map(|cell| cell.tokens).sum::<Option<usize>>();
            found.tokens = found.tokens.zip(tokens).map(|(sum, own)| sum + own);
            // Under until-solved the runs before the choice may be missing too, and then another would have been chosen; only
            // where the shown tests are the graded ones does that make no difference.
            let complete = cells.len() >= self.n || (same && self.until_solved() && choice.is_some());
            match choice.or(scored.first()) {
                Some(cell) if complete => {
                    found.outcomes.insert(task, cell.outcome());
                }
                None if complete => broken += 1,
                _ => missing += 1,
            }
        }
        if unknown > 0 {
            let reason = format!("{unknown} tasks have results that do not say whether the shown tests pass");
            return (of, Err(reason));
        }
        missing += self.tasks - self.by_task.len().min(self.tasks);
        if missing > 0 {
            return (of, Err(format!("{missing} of {} tasks do not have all {} runs", self.tasks, self.n)));
        }
        found.notes.extend(not_scored(broken));
        if same {
            found.notes.push("on MBPP the shown tests are the graded ones: this equals any of N".into());
        }
        (of, Ok(found))
    }

    fn any_of_n(&self) -> (String, Result<Found<'a>, String>) {
        let of = format!("any of {} runs passes the graded tests", self.n);
        let mut found = Found { outcomes: Outcomes::new(), tokens: Some(0), notes: Vec::new() };
        let (mut missing, mut broken) = (0, 0);
        for (task, cells) in &self.by_task {
            let tokens = cells.iter().map(|cell| cell.tokens).sum::<Option<usize>>();
            found.tokens = found.tokens.zip(tokens).map(|(sum, own)| sum + own);
            if cells.iter().any(|cell| cell.scored() && cell.passed) {
                found.outcomes.insert(task, 1.0);
            } else if cells.len() < self.n {
                missing += 1;
            } else if cells.iter().any(|cell| !cell.scored()) {
                broken += 1;
            } else {
                found.outcomes.insert(task, 0.0);
            }
        }
        missing += self.tasks - self.by_task.len().min(self.tasks);
        if missing > 0 {
            let reason =
                format!("{missing} of {} tasks are unsolved and do not have all {} runs", self.tasks, self.n);
            return (of, Err(reason));
        }
        found.notes.extend(not_scored(broken));
        found.notes.push("an oracle over many tries, as the published scores are".into());
        if self.until_solved() {
            found.tokens = None;
            found.notes.push("the run stopped at the first pass of each task".into());
        }
        (of, Ok(found))
    }

    fn unguided(&self) -> (String, Result<Found<'a>, String>) {
        let Some(first) = self.group.cells.iter().find(|cell| cell.method == BEST_OF.name) else {
            let reason = "no results of the method best_of (run it with best_of = \"equal\")";
            return ("best-of-N".into(), Err(reason.into()));
        };
        let name = &first.configuration;
        let is = |cell: &Cell| cell.configuration == *name && cell.method == BEST_OF.name && cell.retry == 0;
        let mut found = self.of_kind(is);
        if let Ok(found) = &mut found {
            let own = |task: &str| self.group.cells.iter().find(|cell| is(cell) && cell.task == task);
            let short = |(task, cells): (&&str, &Vec<&Cell>)| {
                let guided = cells.iter().map(|cell| cell.tokens).sum::<Option<usize>>();
                let cell = own(task);
                let ended = cell.is_some_and(|cell| cell.shown == Some(true) || cell.passed);
                // What was cut short without success had fewer tokens than the guided runs.
                !ended && cell.and_then(|c| c.tokens).zip(guided).is_none_or(|(own, guided)| own < guided)
            };
            let count = self.by_task.iter().filter(|entry| short(*entry)).count();
            found.notes.push(if count == 0 {
                "every unsolved task had at least the tokens of its guided runs".into()
            } else {
                format!("not at equal tokens: {count} unsolved tasks had fewer tokens than their guided runs")
            });
            if self.until_solved() {
                found.notes.push(
                    "guided runs stopped at the first pass, so their tokens are fewer than N runs'".into(),
                );
            }
        }
        (format!("{name}, chosen by shown tests"), found)
    }
}

fn not_scored(broken: usize) -> Vec<String> {
    if broken == 0 {
        return Vec::new();
    }
    vec![format!("{broken} tasks are left out: infrastructure errors are not scored")]
}
