//! Names in the store: the layout that users of the method know, and egcfg's own files beside it. An experiment's root is
//! `<results>/<dataset>/<model with / as _>/`; in it stands one folder per configuration with a file per unit.

use std::fmt::Write as _;

/// Names below the root of one experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Layout;

impl Layout {
    /// The resolved experiment.
    pub const EXPERIMENT: &'static str = "experiment.toml";
    /// Marks of solved tasks, one file per task.
    pub const SOLVED: &'static str = "solved_tasks";
    /// Heartbeats, one file per agent.
    pub const AGENTS: &'static str = "agents";
    /// Claims on units, one folder per configuration.
    pub const CLAIMS: &'static str = "claims";
    /// Units that could not be carried out, one folder per configuration.
    pub const ERRORS: &'static str = "errors";
    /// Event logs, a folder inside a configuration's.
    pub const EVENTS: &'static str = "events";
    /// What is asked in the tasks, one line per task ([`crate::TaskCard`]).
    pub const TASKS: &'static str = "tasks.jsonl";
    /// Folders of an experiment that hold no results.
    pub const OTHERS: [&'static str; 5] =
        [Self::SOLVED, Self::AGENTS, Self::CLAIMS, Self::ERRORS, Self::EVENTS];

    /// `<dataset>/<model>`, below the results folder.
    pub fn root(dataset: &str, model: &str) -> String {
        format!("{}/{}", file_name(dataset), file_name(model))
    }

    /// A unit's name without its ending: `task_id=<id>_gamma=<g>`, and `_retry=<n>` for repetitions after the first.
    pub fn stem(task: &str, gamma: f64, retry: u32) -> String {
        let mut stem = format!("task_id={}_gamma={}", file_name(task), number(gamma));
        if retry > 0 {
            let _ = write!(stem, "_retry={retry}");
        }
        stem
    }

    /// A unit's result.
    pub fn result(folder: &str, stem: &str) -> String {
        format!("{folder}/{stem}.json")
    }

    /// A unit's event log, once its result is published.
    pub fn events(folder: &str, stem: &str) -> String {
        format!("{folder}/{}/{stem}.jsonl", Self::EVENTS)
    }

    /// The event log while the holder of a claim writes it.
    pub fn growing_events(folder: &str, stem: &str, epoch: u32) -> String {
        format!("{folder}/{}/{stem}.e{epoch}.part", Self::EVENTS)
    }

    /// The n-th record of a unit's claim chain, from 1.
    pub fn claim(folder: &str, stem: &str, epoch: u32) -> String {
        format!("{}/{folder}/{stem}.e{epoch}.json", Self::CLAIMS)
    }

    /// The record of a unit's n-th infrastructure error, from 1.
    pub fn error(folder: &str, stem: &str, attempt: u32) -> String {
        format!("{}/{folder}/{stem}_attempt={attempt}.json", Self::ERRORS)
    }

    /// The mark of a solved task.
    pub fn solved(task: &str) -> String {
        format!("{}/{}.json", Self::SOLVED, file_name(task))
    }

    /// An agent's heartbeat.
    pub fn agent(id: &str) -> String {
        format!("{}/{id}.json", Self::AGENTS)
    }
}

/// Task id, gamma and retry of a result's file name (with or without its ending); `None` for other files. A whole gamma
/// may be written with or without a decimal point.
pub fn parse_stem(name: &str) -> Option<(String, f64, u32)> {
    let stem = name.strip_suffix(".json").unwrap_or(name);
    let rest = stem.strip_prefix("task_id=")?;
    let (task, rest) = rest.rsplit_once("_gamma=")?;
    let (gamma, retry) = match rest.split_once("_retry=") {
        Some((gamma, retry)) => (gamma, retry.parse().ok()?),
        None => (rest, 0),
    };
    let gamma: f64 = gamma.parse().ok()?;
    (!task.is_empty() && gamma.is_finite()).then(|| (task.to_owned(), gamma, retry))
}

/// A number as it stands in names: the shortest that reads back the same, always with a decimal point.
fn number(value: f64) -> String {
    let plain = format!("{value}");
    if plain.contains('.') { plain } else { plain + ".0" }
}

/// A name that every file system and object store takes: what is no letter, digit or one of `._-+=@` becomes `_`, as `/` does in
/// the layout that users know; a leading dot too.
pub fn file_name(name: &str) -> String {
    let mut safe: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._-+=@".contains(c) { c } else { '_' })
        .collect();
    if safe.starts_with('.') {
        safe.replace_range(..1, "_");
    }
    if safe.is_empty() { "_".to_owned() } else { safe }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn names_are_those_of_the_known_layout() {
        assert_eq!(Layout::root("mbpp", "deepseek-ai/coder"), "mbpp/deepseek-ai_coder");
        assert_eq!(Layout::stem("11", 0.5, 0), "task_id=11_gamma=0.5");
        assert_eq!(Layout::stem("HumanEval/0", 3.0, 2), "task_id=HumanEval_0_gamma=3.0_retry=2");
        assert_eq!(parse_stem("task_id=11_gamma=3.json"), Some(("11".into(), 3.0, 0)));
        assert_eq!(parse_stem("11.json"), None);
        assert_eq!(parse_stem("task_id=_gamma=1"), None);
        assert_eq!(file_name("../x y"), "_._x_y");
    }

    proptest! {
        #[test]
        fn stems_round_trip(task in "[A-Za-z0-9_=.-]{1,20}", gamma in 0.0f64..100.0, retry in 0u32..9) {
            let (back, g, r) = parse_stem(&(Layout::stem(&task, gamma, retry) + ".json")).unwrap();
            prop_assert_eq!((back, g, r), (file_name(&task), gamma, retry));
        }

        #[test]
        fn any_text_is_a_safe_name(name in ".{0,40}") {
            let safe = file_name(&name);
            prop_assert!(!safe.is_empty() && !safe.starts_with('.') && !safe.contains('/'));
            let _ = parse_stem(&name);
        }
    }
}
