//! Choosing among programs that pass every shown test: by who came first, by the model's own probability, by agreement with the
//! others on inputs that no test shows, or by length. None of it looks at a hidden test.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::time::Instant;

use egcfg_task::{Form, Task, Test, TestResult, Verdict};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::answer::Answer;
use crate::error::GuidanceError;
use crate::event::{Event, EventSink as _, ExecutionEvent};
use crate::session::Session;
use crate::stats::Counting;

/// Calls on which programs are held against each other.
const CALLS: usize = 16;
/// Distinct programs that are run on them at most: those that came first.
const VOTERS: usize = 48;

/// Which of several programs that pass every shown test is the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Choosing {
    /// The first; it ends the search.
    #[default]
    First,
    /// The one that is most probable under the model. The search goes on to its limits, as for all that follow.
    Likely,
    /// The most probable one of those that most probability agrees with: programs whose outputs on changed arguments of the
    /// shown tests are the same vote together, with the sum of their probabilities (semantic voting).
    Vote,
    /// The shortest in normal form.
    Short,
}

impl Choosing {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::First, Self::Likely, Self::Vote, Self::Short];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Likely => "likely",
            Self::Vote => "vote",
            Self::Short => "short",
        }
    }
}

/// A name that no way of choosing has.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("'{0}' is no way of choosing (there are first, likely, vote, short)")]
pub struct ChoosingError(String);

impl fmt::Display for Choosing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Choosing {
    type Err = ChoosingError;

    fn from_str(name: &str) -> Result<Self, ChoosingError> {
        let known = Self::ALL.into_iter().find(|own| own.name() == name);
        known.ok_or_else(|| ChoosingError(name.to_owned()))
    }
}

impl TryFrom<String> for Choosing {
    type Error = ChoosingError;

    fn try_from(name: String) -> Result<Self, ChoosingError> {
        name.parse()
    }
}

impl From<Choosing> for String {
    fn from(choosing: Choosing) -> Self {
        choosing.name().to_owned()
    }
}

/// A program that passes every shown test.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Passing {
    pub(crate) attempt: usize,
    /// Generated tokens when it was found.
    pub(crate) tokens: usize,
    /// Natural log-probability of its tokens.
    pub(crate) log_prob: f64,
    pub(crate) program: String,
    pub(crate) normal: String,
}

/// What was the answer when, over the passing programs in the order in which they were found.
pub(crate) async fn answers(
    session: Session<'_>,
    events: &Counting<'_>,
    choosing: Choosing,
    passing: &[Passing],
) -> Result<Vec<Answer>, GuidanceError> {
    let groups = match choosing {
        Choosing::Vote => groups(session, events, passing).await?,
        _ => Vec::new(),
    };
    let mut all: Vec<Answer> = Vec::new();
    for known in 1..=passing.len() {
        let Some(best) = best(choosing, &passing[..known], &groups) else { continue };
        let attempt = passing[best].attempt;
        if all.last().is_none_or(|last| last.attempt != attempt) {
            all.push(Answer { tokens: passing[known - 1].tokens, attempt });
        }
    }
    Ok(all)
}

/// The place of the answer among the programs known so far; of equals the earlier one.
fn best(choosing: Choosing, known: &[Passing], groups: &[usize]) -> Option<usize> {
    let likely = |places: &mut dyn Iterator<Item = usize>| {
        places.reduce(|a, b| if known[b].log_prob > known[a].log_prob { b } else { a })
    };
    let all = 0..known.len();
    match choosing {
        Choosing::First => all.into_iter().next(),
        Choosing::Likely => likely(&mut all.into_iter()),
        Choosing::Short => all.min_by_key(|at| known[*at].normal.chars().count()),
        Choosing::Vote => {
            let top = known.iter().map(|own| own.log_prob).fold(f64::NEG_INFINITY, f64::max);
            let mut votes: Vec<(usize, f64)> = Vec::new();
            for (own, group) in known.iter().zip(groups) {
                let weight = (own.log_prob - top).exp();
                match votes.iter_mut().find(|(known, _)| known == group) {
                    Some((_, sum)) => *sum += weight,
                    None => votes.push((*group, weight)),
                }
            }
            let most = votes.into_iter().reduce(|a, b| if b.1 > a.1 { b } else { a })?.0;
            likely(&mut all.into_iter().filter(|at| groups.get(*at) == Some(&most)))
        }
    }
}

/// For each program the number of its group: programs of one group gave the same on every changed call. Programs that were not run
/// on them (too many, or a task without calls that can be changed) stand together in one group, so that probability decides.
async fn groups(
    session: Session<'_>,
    events: &Counting<'_>,
    passing: &[Passing],
) -> Result<Vec<usize>, GuidanceError> {
    let tests = probes(session.task);
    let mut distinct: Vec<&Passing> = Vec::new();
    for own in passing {
        if distinct.len() < VOTERS && !distinct.iter().any(|known| known.normal == own.normal) {
            distinct.push(own);
        }
    }
    if tests.is_empty() || distinct.len() < 2 {
        return Ok(vec![0; passing.len()]);
    }
    let started = Instant::now();
    let runs = distinct.iter().map(|own| session.executor.judge(session.task, &own.program, &tests));
    let results = try_join_all(runs).await?;
    let told = distinct.iter().map(|own| ExecutionEvent {
        id: own.attempt,
        program: own.program.clone(),
        cached: false,
        from_memory: false,
        // What a changed call should give is not known, so nothing passes or fails here.
        results: Vec::new(),
    });
    let seconds = started.elapsed().as_secs_f64();
    events.emit(&Event::Executions { runs: told.collect(), seconds });
    let mut numbers: HashMap<Vec<String>, usize> = HashMap::new();
    let mut group_of: HashMap<&str, usize> = HashMap::new();
    for (own, results) in distinct.iter().zip(&results) {
        let next = numbers.len() + 1;
        let outputs = results.iter().map(output).collect();
        group_of.insert(&own.normal, *numbers.entry(outputs).or_insert(next));
    }
    Ok(passing.iter().map(|own| group_of.get(own.normal.as_str()).copied().unwrap_or(0)).collect())
}

/// Tests that make the sandbox tell what a program gives on changed arguments of the shown tests, in turn from each of them.
fn probes(task: &Task) -> Vec<Test> {
    if task.form != Form::Asserts || !task.context.is_empty() {
        return Vec::new();
    }
    let calls = task.shown_tests.iter().filter_map(|test| match test {
        Test::Assert(source) => egcfg_python::split_assert(source, task.defines()),
        Test::Stdio { .. } => None,
    });
    let each: Vec<Vec<String>> = calls.map(|parts| egcfg_python::variants(&parts.call, CALLS)).collect();
    let mut all: Vec<String> = Vec::new();
    for place in 0..CALLS {
        for call in each.iter().filter_map(|calls| calls.get(place)) {
            if all.len() < CALLS && !all.contains(call) {
                all.push(call.clone());
            }
        }
    }
    // A value that no program returns: what it returned instead is told.
    all.into_iter().map(|call| Test::Assert(format!("assert {call} == '\\x00 no value'"))).collect()
}

/// What a program gave, as far as the sandbox shows it.
fn output(result: &TestResult) -> String {
    match (&result.verdict, &result.got) {
        (Verdict::WrongAnswer | Verdict::AssertionFailed | Verdict::Passed, Some(got)) => format!("= {got}"),
        (verdict, _) => verdict.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passing(attempt: usize, log_prob: f64, normal: &str) -> Passing {
        let program = normal.to_owned();
        Passing { attempt, tokens: 10 * attempt, log_prob, normal: program.clone(), program }
    }

    #[test]
    fn each_way_takes_what_its_name_says() {
        let known = [
            passing(2, -1.0, "a rather long one"),
            passing(4, -1.2, "two agree"),
            passing(5, -1.3, "with this"),
            passing(7, -9.0, "x"),
        ];
        let groups = [1, 2, 2, 3];
        let take = |how| best(how, &known, &groups).map(|at| known[at].attempt);
        assert_eq!(take(Choosing::First), Some(2));
        assert_eq!(take(Choosing::Likely), Some(2));
        // e^-1.2 + e^-1.3 > e^-1, and the more probable one of the two speaks for them.
        assert_eq!(take(Choosing::Vote), Some(4));
        assert_eq!(take(Choosing::Short), Some(7));
        assert_eq!(best(Choosing::Vote, &[], &[]), None);
    }

    #[test]
    fn probes_ask_for_what_no_program_returns() {
        let shown =
            vec![Test::Assert("assert f([1, 2]) == 3".into()), Test::Assert("assert f([9]) == 9".into())];
        let task = Task { entry_point: "f".into(), shown_tests: shown, ..Task::default() };
        let tests = probes(&task);
        assert!(tests.len() > 6 && tests.len() <= CALLS, "{tests:?}");
        // In turn from each test.
        assert!(tests[0].key().starts_with("assert f([2]) == '"), "{tests:?}");
        assert!(tests[1].key().starts_with("assert f([]) == '"), "{tests:?}");
        let stdio = Task { form: Form::Stdio, ..task };
        assert!(probes(&stdio).is_empty());
    }

    #[test]
    fn names_read_back() {
        for own in Choosing::ALL {
            assert_eq!(own.to_string().parse::<Choosing>(), Ok(own));
        }
        assert!("best".parse::<Choosing>().unwrap_err().to_string().contains("first, likely, vote, short"));
    }
}
