//! One step of the optimiser, and the log that holds a line for each.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::super::adapter::Pairs;
use super::super::contract::{Progress, TrainJob};
use super::super::example::Example;
use super::super::settings::Objective;
use super::base::Base;
use super::checkpoint::State;
use super::dropout::Dropout;
use super::gradient::{Work, batch_gradient};
use crate::error::TuneError;
use crate::files::{read_earlier, write_whole};

/// One step of the optimiser over its batches.
pub(crate) fn step(
    job: &TrainJob,
    base: &Base,
    examples: &[Example],
    batches: &[Vec<usize>],
    number: usize,
    steps: usize,
    state: &mut State,
) -> Result<Progress, TuneError> {
    let settings = &job.settings;
    let all = || batches.iter().flatten().map(|example| &examples[*example]);
    let total: f64 = all().map(|example| example.weight * example.answer.len() as f64).sum();
    let work = Work {
        base,
        adapter: &state.adapter,
        scale: settings.scale(),
        distil: job.objective == Objective::Distil,
        total,
        memory: settings.activation_mb << 20,
    };
    let (mut loss, mut gradient) = (0.0, Pairs::default());
    for (part, batch) in batches.iter().enumerate() {
        let batch: Vec<&Example> = batch.iter().map(|example| &examples[*example]).collect();
        let at = number * settings.gradient_accumulation_steps + part;
        let dropout = Dropout { share: settings.lora_dropout, seed: settings.seed, batch: at };
        let dropout = (settings.lora_dropout > 0.0).then_some(&dropout);
        let done = batch_gradient(work, &batch, dropout)?;
        loss += done.loss;
        for (key, pair) in done.gradient.pairs {
            gradient.add(key, pair)?;
        }
    }
    let (loss, norm) = (loss / total, gradient.norm()?);
    for (what, value) in [("loss", loss), ("gradient", norm)] {
        if !value.is_finite() {
            return Err(TuneError::Diverged { step: number + 1, what });
        }
    }
    let rate = settings.rate(number, steps);
    let cut = (settings.max_grad_norm / norm.max(f64::MIN_POSITIVE)).min(1.0);
    let mut adapter = state.adapter.clone();
    state.optimizer.step(&mut adapter, &gradient, rate, settings.weight_decay, cut)?;
    state.adapter = adapter;
    state.step = number + 1;
    state.tokens += all().map(|example| example.prompt.len() + example.answer.len()).sum::<usize>();
    let learned = all().map(|example| example.answer.len()).sum();
    Ok(Progress {
        step: number + 1,
        steps,
        loss,
        rate,
        gradient_norm: norm,
        gradient_tokens: learned,
        tokens: state.tokens,
        seconds: 0.0,
    })
}

/// The log: a line per step, cut back to the checkpoint when a run is resumed.
pub(crate) struct Log {
    file: File,
    path: PathBuf,
    losses: Vec<f64>,
    /// Answer tokens learned from so far.
    pub(crate) gradient_tokens: usize,
}

impl Log {
    pub(crate) fn open(path: &Path, step: usize) -> Result<Self, TuneError> {
        let old = read_earlier(path)?.unwrap_or_default();
        let parsed = old.lines().filter_map(|line| serde_json::from_str::<Progress>(line).ok());
        let kept: Vec<Progress> = parsed.filter(|line| line.step <= step).collect();
        let mut text = String::new();
        for line in &kept {
            text += &serde_json::to_string(line).unwrap_or_default();
            text.push('\n');
        }
        write_whole(path, text.as_bytes())?;
        let file = OpenOptions::new().append(true).open(path);
        let file = file.map_err(|error| TuneError::file("open", path, &error))?;
        let gradient_tokens = kept.last().map_or(0, |line| line.gradient_tokens);
        Ok(Self {
            file,
            path: path.to_owned(),
            losses: kept.iter().map(|line| line.loss).collect(),
            gradient_tokens,
        })
    }

    /// Adds a step's line; its count of gradient tokens becomes the sum.
    pub(crate) fn add(&mut self, progress: &Progress) -> Result<Progress, TuneError> {
        self.gradient_tokens += progress.gradient_tokens;
        let progress = Progress { gradient_tokens: self.gradient_tokens, ..progress.clone() };
        self.losses.push(progress.loss);
        let line = serde_json::to_string(&progress).unwrap_or_default() + "\n";
        let written = self.file.write_all(line.as_bytes());
        written.map_err(|error| TuneError::file("write", &self.path, &error))?;
        Ok(progress)
    }

    /// Mean loss of the first and of the last tenth of the steps.
    pub(crate) fn tenths(&self) -> (f64, f64) {
        let count = (self.losses.len() / 10).max(1).min(self.losses.len());
        let mean =
            |part: &[f64]| if part.is_empty() { 0.0 } else { part.iter().sum::<f64>() / part.len() as f64 };
        (mean(&self.losses[..count]), mean(&self.losses[self.losses.len() - count..]))
    }
}
