//! One result file as a report sees it: whose it is, whether it counts, whether it passed, what it cost.

use std::path::{Path, PathBuf};

use egcfg_bench::result::ResultFile;
use serde::Serialize;

/// One graded test of a result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TestOutcome {
    /// The test's text, or its input.
    pub name: String,
    /// It passed.
    pub passed: bool,
    /// The verdict in words, or the error, where either is known.
    pub verdict: String,
    /// The error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Seconds.
    pub seconds: f64,
}

/// One result: a program of one method, configuration, gamma and repetition for one task.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// The task's id.
    pub task: String,
    /// The configuration's folder.
    pub configuration: String,
    /// The method's name.
    pub method: String,
    /// Guidance strength.
    pub gamma: f64,
    /// Repetition, from 0.
    pub retry: u32,
    /// The graded tests pass.
    pub passed: bool,
    /// The shown tests pass, where that is known.
    pub shown: Option<bool>,
    /// An infrastructure error: the result is not scored.
    pub broken: Option<String>,
    /// Tests whose verdict rests on the program's own process.
    pub unproven: usize,
    /// Generated tokens: the budget.
    pub tokens: Option<usize>,
    /// Tokens put through the model, prefill included.
    pub computed: Option<usize>,
    /// Engine calls, sampling apart.
    pub forwards: Option<usize>,
    /// Requests to a server that ran the model; `None` for a local model.
    pub requests: Option<usize>,
    /// Those under guidance, and the lines completed under it.
    pub guided_requests: Option<(usize, usize)>,
    /// Tokens that guidance changed.
    pub changed: Option<usize>,
    /// Wall seconds.
    pub seconds: Option<f64>,
    /// When it was done, in seconds since 1970.
    pub ended: Option<f64>,
    /// Why the generation ended.
    pub stop: Option<String>,
    /// Whether guidance began.
    pub began: Option<bool>,
    /// The program.
    pub code: String,
    /// Its graded tests.
    pub tests: Vec<TestOutcome>,
    /// Where its event log is, if it has one.
    pub events: Option<PathBuf>,
}

/// Task id, gamma and repetition of a result's file name; `None` for other files.
pub(crate) fn parse_name(name: &str) -> Option<(&str, f64, u32)> {
    let rest = name.strip_suffix(".json")?.strip_prefix("task_id=")?;
    let (task, rest) = rest.rsplit_once("_gamma=")?;
    let (gamma, retry) = match rest.split_once("_retry=") {
        Some((gamma, retry)) => (gamma, retry.parse().ok()?),
        None => (rest, 0),
    };
    let gamma: f64 = gamma.parse().ok()?;
    (!task.is_empty() && gamma.is_finite()).then_some((task, gamma, retry))
}

impl Cell {
    /// Reads a result file; the error says what is wrong with it. `folder` is the configuration's name.
    pub(crate) fn read(path: &Path, folder: &str) -> Result<Self, String> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (task, gamma, retry) = parse_name(&name).ok_or("its name is no result's")?;
        let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
        let file: ResultFile = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        Ok(Self::new(file, (task, gamma, retry), folder, event_log(path)))
    }

    fn new(
        file: ResultFile,
        (task, gamma, retry): (&str, f64, u32),
        folder: &str,
        events: Option<PathBuf>,
    ) -> Self {
        let ours = file.egcfg.as_ref();
        let cost = ours.map(|ours| ours.cost).filter(|cost| *cost != egcfg_guidance::Stats::default());
        let verdict = |index: usize, error: Option<&String>, passed: bool| {
            let words = ours.and_then(|ours| ours.verdicts.get(index)).cloned();
            words
                .or_else(|| error.cloned())
                .unwrap_or_else(|| (if passed { "passed" } else { "failed" }).into())
        };
        let tests = file.results.iter().enumerate().map(|(index, (name, entry))| TestOutcome {
            name: name.clone(),
            passed: entry.result,
            verdict: verdict(index, entry.error.as_ref(), entry.result),
            error: entry.error.clone(),
            seconds: entry.time,
        });
        Self {
            task: ours
                .map(|ours| ours.task.clone())
                .filter(|id| !id.is_empty())
                .unwrap_or_else(|| task.into()),
            configuration: folder.to_owned(),
            method: ours
                .map(|ours| ours.method.clone())
                .filter(|method| !method.is_empty())
                .unwrap_or_else(|| method_of(folder)),
            gamma,
            retry,
            passed: file.passed,
            shown: ours.and_then(|ours| ours.shown_passed),
            // In files of other programs this field also tells of programs that do not compile: those are wrong answers.
            broken: file.general_error.clone().filter(|_| ours.is_some() && !file.passed),
            unproven: ours.map_or(0, |ours| ours.unproven),
            tokens: cost
                .map(|cost| cost.generated_tokens())
                .or_else(|| file.stats.map(|stats| stats.output_tokens).filter(|n| *n > 0)),
            computed: cost.map(|cost| cost.computed_tokens),
            forwards: cost.map(|cost| cost.guided_forwards + cost.plain_forwards),
            requests: cost.map(|cost| cost.requests).filter(|requests| *requests > 0),
            guided_requests: cost
                .filter(|cost| cost.guided_requests > 0)
                .map(|cost| (cost.guided_requests, cost.guided_lines)),
            changed: cost.map(|cost| cost.changed_tokens),
            seconds: file.stats.map(|stats| stats.duration).filter(|s| s.is_finite() && *s > 0.0),
            ended: file.stats.map(|stats| stats.end_time).filter(|s| s.is_finite() && *s > 0.0),
            stop: ours.and_then(|ours| ours.stop).map(stop_words),
            began: ours.and_then(|ours| ours.guidance_began),
            tests: tests.collect(),
            code: file.code,
            events,
        }
    }

    /// Whether it says something about the program.
    pub fn scored(&self) -> bool {
        self.broken.is_none()
    }

    /// Whether it was written under guidance or belongs to the guided grid.
    pub fn guided_grid(&self) -> bool {
        self.method == "eg_cfg"
    }
}

/// Why a generation ended, in words.
pub(crate) fn stop_words(stop: egcfg_guidance::Stop) -> String {
    use egcfg_guidance::Stop;
    let words = match stop {
        Stop::EndOfText => "end of text",
        Stop::Fence => "end of the code block",
        Stop::Length => "token limit",
        Stop::Agreement => "candidates agreed",
        Stop::CandidatePassed => "a candidate passed",
    };
    words.to_owned()
}

/// The method of a folder whose files do not name one.
fn method_of(folder: &str) -> String {
    if folder.parse::<egcfg_task::Config>().is_ok() {
        return "eg_cfg".into();
    }
    let known = ["plain", "best_of", "self_debugging", "mapcoder", "mgdebugger", "lpw"];
    known.into_iter().find(|name| folder.starts_with(name)).unwrap_or("eg_cfg").to_owned()
}

/// The event log that belongs to a result file.
fn event_log(path: &Path) -> Option<PathBuf> {
    let stem = path.file_stem()?.to_string_lossy();
    let folder = path.parent()?.join("events");
    [".jsonl", ".jsonl.gz"]
        .into_iter()
        .map(|end| folder.join(format!("{stem}{end}")))
        .find(|log| log.is_file())
}

/// Order of ids as people count: numbers by value, the rest by text.
pub(crate) fn natural(a: &str, b: &str) -> std::cmp::Ordering {
    fn key(text: &str) -> Vec<(bool, u128, String)> {
        let mut parts: Vec<(bool, u128, String)> = Vec::new();
        for c in text.chars() {
            match (c.to_digit(10), parts.last_mut()) {
                (Some(digit), Some((true, value, _))) => {
                    *value = value.saturating_mul(10).saturating_add(u128::from(digit));
                }
                (Some(digit), _) => parts.push((true, u128::from(digit), String::new())),
                (None, Some((false, _, text))) => text.push(c),
                (None, _) => parts.push((false, 0, c.to_string())),
            }
        }
        parts
    }
    key(a).cmp(&key(b)).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read() {
        assert_eq!(parse_name("task_id=11_gamma=0.5.json"), Some(("11", 0.5, 0)));
        assert_eq!(parse_name("task_id=HumanEval_3_gamma=3_retry=2.json"), Some(("HumanEval_3", 3.0, 2)));
        assert_eq!(parse_name("task_id=_gamma=1.json"), None);
        assert_eq!(parse_name("task_id=1_gamma=nan.json"), None);
        assert_eq!(parse_name("11.json"), None);
    }

    #[test]
    fn ids_sort_as_people_count() {
        let mut ids = ["HumanEval/10", "HumanEval/9", "2", "11", "a1b2", "a1b10"];
        ids.sort_by(|a, b| natural(a, b));
        assert_eq!(ids, ["HumanEval/9", "HumanEval/10", "a1b2", "a1b10", "2", "11"]);
    }
}
