//! A training run from its job to its adapter: plan, steps, log, checkpoints.

use std::time::Instant;

use candle_core::Device;

use super::super::adapter::{Pairs, Sizes, WEIGHTS, save_peft};
use super::super::contract::{Progress, REPORT, TrainJob, TrainReport, Trainer};
use super::super::example::{read_examples, taught};
use super::super::plan::Plan;
use super::super::settings::Target;
use super::base::{Base, Shape};
use super::checkpoint::{CHECKPOINT, State};
use super::optimizer::AdamW;
use super::steps::{Log, step};
use crate::error::TuneError;
use crate::files::{read_tensors, write_whole};

const LOG: &str = "train_log.jsonl";

/// LoRA in this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct BuiltinTrainer;

impl Trainer for BuiltinTrainer {
    fn name(&self) -> &'static str {
        "builtin"
    }

    fn train(
        &self,
        job: &TrainJob,
        watch: &mut dyn FnMut(&Progress) -> bool,
    ) -> Result<TrainReport, TuneError> {
        job.settings.check()?;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(job.settings.threads).build();
        let pool =
            pool.map_err(|error| TuneError::Setting { field: "threads", reason: error.to_string() })?;
        // The pool's own threads would need `watch` to be Send: its messages are carried out of it instead.
        let (sender, receiver) = std::sync::mpsc::sync_channel::<Progress>(0);
        let (answer, answers) = std::sync::mpsc::sync_channel::<bool>(0);
        std::thread::scope(|scope| {
            let training = scope.spawn(|| {
                let mut tell = move |progress: &Progress| {
                    sender.send(progress.clone()).is_ok() && answers.recv().unwrap_or(false)
                };
                pool.install(|| train(job, &mut tell))
            });
            while let Ok(progress) = receiver.recv() {
                if answer.send(watch(&progress)).is_err() {
                    break;
                }
            }
            training.join().unwrap_or_else(|_| {
                Err(TuneError::Worker("the training thread ended without a result".to_owned()))
            })
        })
    }
}

/// Columns and rows of each target's frozen matrix.
pub(crate) fn sizes(shape: &Shape) -> impl Fn(Target) -> (usize, usize) + use<> {
    let (width, queries, keys) = (shape.width, shape.heads * shape.head, shape.kv_heads * shape.head);
    let wide = shape.feed_forward;
    move |target| match target {
        Target::Q => (width, queries),
        Target::K | Target::V => (width, keys),
        Target::O => (queries, width),
        Target::Gate | Target::Up => (width, wide),
        Target::Down => (wide, width),
    }
}

fn train(job: &TrainJob, tell: &mut dyn FnMut(&Progress) -> bool) -> Result<TrainReport, TuneError> {
    let begun = Instant::now();
    let device = device()?;
    job.claim()?;
    if let Some(report) = job.finished()? {
        return Ok(report);
    }
    let base = Base::read(&job.base, &device)?;
    let examples = read_examples(&job.examples, base.shape.vocab)?;
    taught(job.objective, &examples)?;
    let plan = Plan::of(&examples, &job.settings)?;
    let shapes = sizes(&base.shape);
    let largest = Target::ALL.map(&shapes).into_iter().map(|(a, b)| a.min(b)).max().unwrap_or(1);
    if job.settings.lora_r > largest {
        let reason = format!(
            "{} is more than a matrix of {} has (hint: at most {largest}; 8 to 64 is usual)",
            job.settings.lora_r, job.base_name
        );
        return Err(TuneError::Setting { field: "lora-r", reason });
    }
    let mut state = begin(job, &base, &shapes)?;
    let mut log = Log::open(&job.output.join(LOG), state.step)?;
    let steps = plan.steps.len();
    for (number, batches) in plan.steps.iter().enumerate().skip(state.step) {
        let progress = step(job, &base, &examples, batches, number, steps, &mut state)?;
        let progress = Progress { seconds: begun.elapsed().as_secs_f64(), ..progress };
        let progress = log.add(&progress)?;
        if state.step % job.settings.save_every == 0 || state.step == steps {
            state.save(&job.output)?;
        }
        if !tell(&progress) {
            state.save(&job.output)?;
            return Err(TuneError::Stopped);
        }
    }
    save_peft(&job.output, &state.adapter, &job.settings, &job.base_name)?;
    let checkpoint = job.output.join(CHECKPOINT);
    if checkpoint.exists() {
        std::fs::remove_file(&checkpoint).map_err(|error| TuneError::file("remove", &checkpoint, &error))?;
    }
    let report = TrainReport {
        steps,
        examples: plan.used,
        left_out: plan.left_out,
        gradient_tokens: log.gradient_tokens,
        parameters: state.adapter.values(),
        loss: log.tenths(),
        time: begun.elapsed(),
    };
    let text = serde_json::to_string_pretty(&report).unwrap_or_default() + "\n";
    write_whole(&job.output.join(REPORT), text.as_bytes())?;
    Ok(report)
}

/// The GPU where the program was built for one, the processor otherwise.
fn device() -> Result<Device, TuneError> {
    if cfg!(feature = "cuda") { Ok(Device::new_cuda(0)?) } else { Ok(Device::Cpu) }
}

/// The state to go on from: a checkpoint, an adapter to be trained further, or a new one.
fn begin(job: &TrainJob, base: &Base, shapes: &Sizes) -> Result<State, TuneError> {
    let (layers, device) = (base.shape.layers, &base.device);
    if let Some(state) = State::load(&job.output, &job.settings, layers, shapes, device)? {
        return Ok(state);
    }
    let adapter = match &job.start_from {
        Some(folder) => {
            let path = folder.join(WEIGHTS);
            let tensors = read_tensors(&path, device)?;
            Pairs::from_named(&tensors, "", &job.settings, layers, shapes, &path)?
        }
        None => Pairs::begin(&job.settings, layers, shapes, device)?,
    };
    Ok(State { adapter, optimizer: AdamW::default(), step: 0, tokens: 0 })
}
