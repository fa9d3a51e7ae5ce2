//! Carrying a job out with the worker: the plan is laid out here, so that both trainers learn from the same examples in the
//! same order at the same rates; the worker computes, and its progress is passed on.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde::Serialize;

use super::super::contract::{Progress, TrainJob, TrainReport, Trainer};
use super::super::example::{read_examples, taught};
use super::super::plan::Plan;
use super::environment::Environment;
use crate::error::TuneError;
use crate::files::{read_named, write_whole};

/// The worker's program.
const WORKER: &str = include_str!("worker.py");
/// Characters of what a failed worker said last.
const SAID: usize = 600;

/// LoRA through PyTorch and PEFT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeftTrainer {
    /// Where the worker runs.
    pub environment: Environment,
    /// Arguments of `accelerate launch`; without them the worker is one process.
    pub launch: Option<Vec<String>>,
}

/// What the worker is told besides the job.
#[derive(Debug, Serialize)]
struct Order<'a> {
    steps: &'a [Vec<Vec<usize>>],
    rates: Vec<f64>,
    used: usize,
    left_out: usize,
}

impl Trainer for PeftTrainer {
    fn name(&self) -> &'static str {
        "peft"
    }

    fn train(
        &self,
        job: &TrainJob,
        watch: &mut dyn FnMut(&Progress) -> bool,
    ) -> Result<TrainReport, TuneError> {
        job.settings.check()?;
        // What is finished needs no Python any more.
        if job.output.join("train.json").exists() {
            job.claim()?;
            if let Some(report) = job.finished()? {
                return Ok(report);
            }
        }
        let vocab = vocabulary(&job.base)?;
        self.environment.check()?;
        job.claim()?;
        let examples = read_examples(&job.examples, vocab)?;
        taught(job.objective, &examples)?;
        let plan = Plan::of(&examples, &job.settings)?;
        let steps = plan.steps.len();
        let rates = (0..steps).map(|step| job.settings.rate(step, steps)).collect();
        let order = Order { steps: &plan.steps, rates, used: plan.used, left_out: plan.left_out };
        let text = serde_json::to_string(&order).unwrap_or_default() + "\n";
        write_whole(&job.output.join("plan.json"), text.as_bytes())?;
        let worker = job.output.join("worker.py");
        write_whole(&worker, WORKER.as_bytes())?;
        let child = self.start(&worker, &job.output)?;
        follow(child, watch)?;
        job.finished()?.ok_or_else(|| TuneError::Worker("it ended without a report".to_owned()))
    }
}

impl PeftTrainer {
    fn start(&self, worker: &Path, folder: &Path) -> Result<Child, TuneError> {
        let mut command = Command::new(&self.environment.python);
        if let Some(launch) = &self.launch {
            command.args(["-m", "accelerate.commands.launch"]).args(launch);
        }
        command.arg(worker).arg(folder);
        // The worker must not look for anything on the network: base and examples are files.
        command
            .env("HF_HUB_OFFLINE", "1")
            .env("TOKENIZERS_PARALLELISM", "false")
            .env("PYTHONUNBUFFERED", "1");
        // The worker ends when this pipe does: a killed parent leaves none behind.
        let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        started.map_err(|error| TuneError::Worker(format!("it does not start: {error}")))
    }
}

/// Passes the worker's progress on until it ends, or until it is told to stop.
fn follow(mut child: Child, watch: &mut dyn FnMut(&Progress) -> bool) -> Result<(), TuneError> {
    let (_alive, out, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    // Read beside: a full pipe would stop the worker.
    let said = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut errors) = errors {
            let _ = errors.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    });
    for line in out.into_iter().flat_map(|out| BufReader::new(out).lines()) {
        let Ok(line) = line else { break };
        let Ok(progress) = serde_json::from_str::<Progress>(&line) else { continue };
        if !watch(&progress) {
            // What a step left in the checkpoint stays.
            let _ = child.kill();
            let _ = child.wait();
            return Err(TuneError::Stopped);
        }
    }
    let status = child.wait().map_err(|error| TuneError::Worker(error.to_string()))?;
    let said = said.join().unwrap_or_default();
    if status.success() {
        return Ok(());
    }
    let said = said.trim();
    let from = said.char_indices().rev().nth(SAID).map_or(0, |(at, _)| at);
    Err(TuneError::Worker(format!("it ended with {status}: {}", &said[from..])))
}

/// Tokens of a checkpoint folder's model.
fn vocabulary(base: &Path) -> Result<usize, TuneError> {
    #[derive(serde::Deserialize)]
    struct Config {
        vocab_size: usize,
    }
    let path: PathBuf = base.join("config.json");
    let text = read_named(&path).map_err(|_| TuneError::Base {
        path: base.to_owned(),
        reason: "it is no checkpoint folder with a config.json (hint: --trainer peft trains folders of safetensors; --checkpoint names the one that the model file was made from)".to_owned(),
    })?;
    let config: Config =
        serde_json::from_str(&text).map_err(|error| TuneError::Base { path, reason: error.to_string() })?;
    Ok(config.vocab_size)
}
