//! Training tasks and held-out tasks must share nothing, and that is decided by what the tasks hold: two data sets may name
//! one task differently, and one data set may hold one program twice.

use std::collections::HashMap;

use egcfg_python::PythonVersion;
use egcfg_task::Task;
use serde::{Deserialize, Serialize};

use crate::error::TuneError;

/// Overlaps that an error names.
const NAMED: usize = 5;

/// A task and the reference solution of it, where there is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// The task.
    pub task: Task,
    /// A program that solves it.
    pub reference: Option<String>,
}

/// What two tasks have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shared {
    /// The id.
    Id,
    /// What is asked and tested.
    Question,
    /// The normal form of the reference solution.
    Program,
}

impl Shared {
    /// What it is called in messages.
    pub fn words(self) -> &'static str {
        match self {
            Self::Id => "the same id",
            Self::Question => "the same question",
            Self::Program => "the same program",
        }
    }
}

/// A held-out task that is among the training tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlap {
    /// The held-out task's id.
    pub held: String,
    /// The training task's id.
    pub train: String,
    /// What they share.
    pub shared: Shared,
}

/// Every pair of a held-out task and a training task that share their id, their prompt with the shown tests, or the
/// normal form of their reference solutions; one pair per held-out and training task, in the order of the held-out tasks.
pub fn overlaps(train: &[Member], held: &[Member]) -> Vec<Overlap> {
    let mut known: HashMap<(Shared, String), Vec<usize>> = HashMap::new();
    for (number, member) in train.iter().enumerate() {
        for key in keys(member) {
            known.entry(key).or_default().push(number);
        }
    }
    let mut found: Vec<Overlap> = Vec::new();
    for member in held {
        let mut seen: Vec<usize> = Vec::new();
        for key in keys(member) {
            for number in known.get(&key).into_iter().flatten() {
                if seen.contains(number) {
                    continue;
                }
                seen.push(*number);
                found.push(Overlap {
                    held: member.task.id.clone(),
                    train: train[*number].task.id.clone(),
                    shared: key.0,
                });
            }
        }
    }
    found
}

fn keys(member: &Member) -> Vec<(Shared, String)> {
    let task = &member.task;
    let tests: Vec<&str> = task.shown_tests.iter().map(egcfg_task::Test::key).collect();
    let mut keys = vec![
        (Shared::Id, task.id.clone()),
        (Shared::Question, format!("{}\0{}", task.prompt.trim(), tests.join("\0"))),
    ];
    if let Some(program) = &member.reference {
        let form = egcfg_python::normal_form(program, PythonVersion::default());
        keys.push((Shared::Program, form.unwrap_or_else(|| program.clone())));
    }
    keys
}

/// Refuses overlaps; the error names the tasks. `place` is the file of the held-out tasks.
pub fn refuse(overlaps: &[Overlap], place: &str) -> Result<(), TuneError> {
    if overlaps.is_empty() {
        return Ok(());
    }
    let named: Vec<String> = overlaps
        .iter()
        .take(NAMED)
        .map(|overlap| format!("{} as {} ({})", overlap.held, overlap.train, overlap.shared.words()))
        .collect();
    let more = match overlaps.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Err(TuneError::Overlap { place: place.to_owned(), named: named.join(", ") + &more })
}

#[cfg(test)]
mod tests {
    use egcfg_task::Test;

    use super::*;

    fn member(id: &str, prompt: &str, test: &str, program: &str) -> Member {
        let task = Task {
            id: id.to_owned(),
            prompt: prompt.to_owned(),
            shown_tests: vec![Test::Assert(test.to_owned())],
            ..Task::default()
        };
        Member { task, reference: Some(program.to_owned()) }
    }

    #[test]
    fn tasks_are_the_same_by_id_by_question_and_by_program() {
        let train = [
            member("1", "add", "assert f(1) == 2", "def f(x):\n    return x + 1\n"),
            member("2", "double", "assert f(1) == 2", "def f(x):\n    return 2 * x\n"),
        ];
        let held = [
            member("1", "other", "assert f(1) == 3", "def f(x):\n    return 3\n"),
            member("a", "double", "assert f(1) == 2", "def f(x):\n    return x * 2\n"),
            // Another layout and a comment: the same program.
            member("b", "increase", "assert f(2) == 3", "def f(x):  # more\n    return (x + 1)\n"),
            member("c", "double", "assert f(4) == 8", "def f(x):\n    return x + x\n"),
        ];
        let pairs: Vec<(String, String, Shared)> =
            overlaps(&train, &held).into_iter().map(|o| (o.held, o.train, o.shared)).collect();
        let pair = |held: &str, train: &str, shared| (held.to_owned(), train.to_owned(), shared);
        assert_eq!(
            pairs,
            [pair("1", "1", Shared::Id), pair("a", "2", Shared::Question), pair("b", "1", Shared::Program)]
        );
        let error = refuse(&overlaps(&train, &held), "held.jsonl").unwrap_err().to_string();
        assert!(error.contains("held.jsonl") && error.contains("b as 1 (the same program)"), "{error}");
        assert!(refuse(&overlaps(&train, &held[3..]), "held.jsonl").is_ok());
    }

    #[test]
    fn one_pair_is_named_once_and_many_are_counted() {
        let train: Vec<Member> =
            (0..9).map(|n| member(&n.to_string(), "p", &format!("assert f() == {n}"), "x = 1\n")).collect();
        let all = overlaps(&train, &train[..1]);
        // By its id and by its question: named once; by its program: the eight others too.
        assert_eq!((all.len(), all[0].shared), (9, Shared::Id));
        assert!(refuse(&all, "h").unwrap_err().to_string().contains("and 4 more"));
    }
}
