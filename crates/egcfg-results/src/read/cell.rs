//! One result file as a reader sees it: whose it is, whether it counts, whether it passed, what it cost.

use std::path::{Path, PathBuf};

use egcfg_guidance::{Stats, Stop};
use egcfg_task::ModelIdentity;
use serde::Serialize;

use crate::layout::{Layout, parse_stem};
use crate::method::MethodFacts;
use crate::provenance::Answered;
use crate::read::file::bytes;
use crate::result::ResultFile;

/// One graded test of a result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TestOutcome {
    /// The test's text, or its input.
    pub name: String,
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
    /// The model that wrote it, where the file says so.
    pub identity: Option<ModelIdentity>,
    /// Guidance strength.
    pub gamma: f64,
    /// Repetition, from 0.
    pub retry: u32,
    /// The graded tests pass.
    pub passed: bool,
    /// The shown tests pass, where that is known.
    pub shown: Option<bool>,
    /// Why the result says nothing about a program, and is not scored: the sandbox failed, a test cannot run, no program
    /// was written.
    pub broken: Option<String>,
    /// Tests whose verdict rests on the program's own process.
    pub unproven: usize,
    /// Generated tokens: the budget.
    pub tokens: Option<usize>,
    /// What was the answer from when on; empty where only the last one is known.
    pub answers: Vec<Answered>,
    /// Everything it cost, where that was counted.
    pub cost: Option<Stats>,
    /// Programs written and judged by the shown tests, where that was counted.
    pub programs: Option<usize>,
    /// Wall seconds.
    pub seconds: Option<f64>,
    /// When it was done, in seconds since 1970.
    pub ended: Option<f64>,
    /// Why the generation ended.
    pub stop: Option<String>,
    /// Whether guidance began.
    pub began: Option<bool>,
    /// The program; empty where none was written.
    pub code: String,
    /// Its graded tests.
    pub tests: Vec<TestOutcome>,
    /// Where its event log is, if it has one.
    pub events: Option<PathBuf>,
}

impl Cell {
    /// Reads a result file; the error says what is wrong with it. `folder` is the configuration's name.
    pub fn read(path: &Path, folder: &str) -> Result<Self, String> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let named = parse_stem(&name).ok_or("its name is no result's")?;
        let bytes = bytes(path)?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err("it is empty".to_owned());
        }
        let file = ResultFile::parse(&bytes)?;
        Ok(Self::new(file, named, folder, event_log(path)))
    }

    fn new(
        file: ResultFile,
        (task, gamma, retry): (String, f64, u32),
        folder: &str,
        events: Option<PathBuf>,
    ) -> Self {
        let broken = file.unscored();
        let ours = file.egcfg.as_ref();
        let cost = ours.map(|ours| ours.cost).filter(|cost| *cost != Stats::default());
        let named =
            |of: fn(&crate::Provenance) -> &String| ours.map(of).filter(|name| !name.is_empty()).cloned();
        let tests = file.results.iter().enumerate().map(|(index, (name, entry))| TestOutcome {
            name: name.clone(),
            passed: entry.result,
            verdict: ours
                .and_then(|ours| ours.verdicts.get(index).cloned())
                .or_else(|| entry.error.clone())
                .unwrap_or_else(|| (if entry.result { "passed" } else { "failed" }).into()),
            error: entry.error.clone(),
            seconds: entry.time,
        });
        let positive = |value: f64| Some(value).filter(|value| value.is_finite() && *value > 0.0);
        Self {
            task: named(|ours| &ours.task).unwrap_or(task),
            configuration: folder.to_owned(),
            method: named(|ours| &ours.method)
                .unwrap_or_else(|| MethodFacts::of_folder(folder).name.to_owned()),
            identity: ours.and_then(|ours| ours.identity.clone()),
            gamma,
            retry,
            passed: file.passed,
            shown: ours.and_then(|ours| ours.shown_passed),
            broken,
            unproven: ours.map_or(0, |ours| ours.unproven),
            tokens: cost
                .map(|cost| cost.generated_tokens())
                .or_else(|| file.stats.map(|stats| stats.output_tokens).filter(|n| *n > 0)),
            answers: ours.map(|ours| ours.answers.clone()).unwrap_or_default(),
            cost,
            programs: ours.map(|ours| ours.programs).filter(|programs| *programs > 0),
            seconds: file.stats.and_then(|stats| positive(stats.duration)),
            ended: file.stats.and_then(|stats| positive(stats.end_time)),
            stop: ours.and_then(|ours| ours.stop).map(stop_words),
            began: ours.and_then(|ours| ours.guidance_began),
            tests: tests.collect(),
            code: file.code.unwrap_or_default(),
            events,
        }
    }

    /// Whether it says something about the program.
    pub fn scored(&self) -> bool {
        self.broken.is_none()
    }

    /// 1 for a result whose graded tests pass, 0 for one whose do not.
    pub fn outcome(&self) -> f64 {
        f64::from(u8::from(self.passed))
    }

    /// Whether its method has guidance strengths: it belongs to the guided grid.
    pub fn guided_grid(&self) -> bool {
        MethodFacts::of(&self.method).is_some_and(|method| method.uses_gamma)
    }

    /// Tokens put through the model, prefill included.
    pub fn computed(&self) -> Option<usize> {
        self.cost.map(|cost| cost.computed_tokens)
    }

    /// Engine calls, sampling apart.
    pub fn forwards(&self) -> Option<usize> {
        self.cost.map(|cost| cost.guided_forwards + cost.plain_forwards)
    }

    /// Requests to a server that ran the model; `None` for a local model.
    pub fn requests(&self) -> Option<usize> {
        self.cost.map(|cost| cost.requests).filter(|requests| *requests > 0)
    }

    /// Tokens that guidance changed.
    pub fn changed(&self) -> Option<usize> {
        self.cost.map(|cost| cost.changed_tokens)
    }
}

/// Why a generation ended, in words.
pub fn stop_words(stop: Stop) -> String {
    let words = match stop {
        Stop::EndOfText => "end of text",
        Stop::Fence => "end of the code block",
        Stop::Length => "token limit",
        Stop::Agreement => "candidates agreed",
        Stop::CandidatePassed => "a candidate passed",
    };
    words.to_owned()
}

/// The event log that belongs to a result file.
fn event_log(path: &Path) -> Option<PathBuf> {
    let stem = path.file_stem()?.to_string_lossy();
    let folder = path.parent()?.join(Layout::EVENTS);
    [".jsonl", ".jsonl.gz"]
        .into_iter()
        .map(|end| folder.join(format!("{stem}{end}")))
        .find(|log| log.is_file())
}
