//! The seam of all trainers: what a job names, what it reports while it runs, what it leaves behind. A job's folder holds
//! `train.json` (the job, so that a resumed run is the same run), `train_log.jsonl` (a line per step), `checkpoint.*`
//! (until the end), and the adapter in PEFT's layout.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::adapter::WEIGHTS;
use super::settings::{Objective, TrainSettings};
use crate::error::TuneError;
use crate::files::{claim, claimed, read_earlier};

const JOB: &str = "train.json";
/// The report of a finished job.
pub(crate) const REPORT: &str = "report.json";

/// What to train, on what, to where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainJob {
    /// The frozen base: a GGUF file for the built-in trainer, a checkpoint folder for PEFT.
    pub base: PathBuf,
    /// The base's name for `adapter_config.json`.
    pub base_name: String,
    /// File of examples, as tokens of the base.
    pub examples: PathBuf,
    /// SHA-256 of that file, in hex: a resumed run must meet the same examples.
    pub examples_sha256: String,
    /// Folder that receives adapter, log and checkpoint.
    pub output: PathBuf,
    /// A PEFT folder whose adapter is trained on; a new adapter without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_from: Option<PathBuf>,
    /// What is learned.
    pub objective: Objective,
    /// How.
    pub settings: TrainSettings,
}

/// How far a run is, after each step of the optimiser; a line of `train_log.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps done.
    pub step: usize,
    /// Steps of the whole run.
    pub steps: usize,
    /// Weighted mean loss per answer token of this step's batch, before the step.
    pub loss: f64,
    /// Learning rate of this step.
    pub rate: f64,
    /// The gradient's norm before it was cut.
    pub gradient_norm: f64,
    /// Answer tokens learned from so far, all epochs together.
    pub gradient_tokens: usize,
    /// Tokens put through the model so far, prompts included.
    pub tokens: usize,
    /// Seconds since this process began to train.
    pub seconds: f64,
}

/// What a finished run was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainReport {
    /// Steps of the optimiser.
    pub steps: usize,
    /// Examples used, each counted once.
    pub examples: usize,
    /// Examples left out because they are longer than `max_length`.
    pub left_out: usize,
    /// Answer tokens learned from, all epochs together.
    pub gradient_tokens: usize,
    /// Values of the adapter.
    pub parameters: usize,
    /// Mean loss of the first and of the last tenth of the steps.
    pub loss: (f64, f64),
    /// Wall time of this process, without what an earlier one did before a kill.
    pub time: Duration,
}

/// Something that turns examples into an adapter.
pub trait Trainer {
    /// The name on the command line, such as `builtin`.
    fn name(&self) -> &'static str;

    /// Trains, or goes on where a killed run of the same job stopped. `watch` hears of every step and says whether to go
    /// on; where it says no, the run ends with [`TuneError::Stopped`] and can be resumed.
    fn train(
        &self,
        job: &TrainJob,
        watch: &mut dyn FnMut(&Progress) -> bool,
    ) -> Result<TrainReport, TuneError>;
}

impl TrainJob {
    /// Sees that the folder is not another job's, before anything in it is changed.
    ///
    /// # Errors
    /// When it belongs to a job with other settings, which are named.
    pub fn check_folder(&self) -> Result<(), TuneError> {
        claimed(&self.output, JOB, self).map(|_| ())
    }

    /// Makes the folder this job's own, or sees that it is already.
    pub(crate) fn claim(&self) -> Result<(), TuneError> {
        claim(&self.output, JOB, self)
    }

    /// The report of a job that an earlier process brought to its end.
    pub(crate) fn finished(&self) -> Result<Option<TrainReport>, TuneError> {
        let report = read_earlier(&self.output.join(REPORT))?;
        let report = report.and_then(|text| serde_json::from_str(&text).ok());
        Ok(report.filter(|_| self.output.join(WEIGHTS).exists()))
    }
}
