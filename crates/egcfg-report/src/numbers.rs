//! The four numbers of an experiment. Each is computed only where the folder really holds what it needs; otherwise it
//! says what is missing instead of guessing.

use egcfg_results::dataset::wrong_tests;
use egcfg_results::stats::{Interval, Score, rsr};
use serde::Serialize;

use crate::scores::{Found, Outcomes, Scores};

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

impl<'a> Scores<'a> {
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
}
