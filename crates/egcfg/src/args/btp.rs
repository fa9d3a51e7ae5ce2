//! The arguments of `btp`: sample, train, run, experiments, export. The words are those that users of the published fork type.

mod experiments;

pub(crate) use experiments::{BtpExperimentsArgs, ModeArg};

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use egcfg_guidance::Policy;
use egcfg_tune::export::ExportForm;
use egcfg_tune::replay::{Draw, DrawSettings};
use egcfg_tune::train::{Schedule, Target, TrainSettings};

use super::data::DatasetArgs;
use super::method::MethodArgs;
use super::model::ModelArgs;
use super::sandbox::SandboxArgs;
use super::values::count;

pub(crate) const BTP_EXAMPLES: &str = "Examples:
  egcfg btp sample --dataset tasks --data train.jsonl --output-dir round-0
  egcfg btp train --dataset tasks --data train.jsonl --experiences round-0/experiences.jsonl --output-dir adapter
  egcfg btp run --dataset tasks --data train.jsonl --eval-data dev.jsonl --n-iterations 2 --output-dir btp
  egcfg btp experiments --mode quick --output-dir experiments
  egcfg btp export --dataset tasks --data train.jsonl --experiences round-0/experiences.jsonl --form kto --output-dir kto";

#[derive(Debug, ClapArgs)]
pub(crate) struct BtpArgs {
    #[command(subcommand)]
    pub(crate) command: BtpCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BtpCommand {
    /// Write programs for the tasks, run all their tests, and keep what came of it as experiences
    Sample(Box<BtpSampleArgs>),
    /// Draw experiences by their priority and train an adapter on them
    Train(Box<BtpTrainArgs>),
    /// Rounds of sampling and training, with the held-out tasks solved after each
    Run(Box<BtpRunArgs>),
    /// The five experiments of the method: which part of it helps, on which model, by how much
    Experiments(Box<BtpExperimentsArgs>),
    /// Write experiences in the form that another trainer reads
    Export(Box<BtpExportArgs>),
    /// Write a model file with an adapter merged in
    Merge(BtpMergeArgs),
}

/// How programs are sampled.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Sampling")]
pub(crate) struct SamplingArgs {
    /// Programs per task
    #[arg(long, value_name = "N", default_value = "5", value_parser = count::<usize>)]
    pub(crate) num_beams: usize,
    /// How they are found: beam, beam-normalised, priority, unique or independent
    #[arg(long, value_name = "POLICY", default_value = "beam")]
    pub(crate) policy: Policy,
    /// Tasks sampled at the same time
    #[arg(long, value_name = "N", default_value = "2", value_parser = count::<usize>)]
    pub(crate) jobs: usize,
}

/// How experiences are drawn.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Replay")]
pub(crate) struct ReplayArgs {
    /// What makes an experience likely to be drawn
    #[arg(long, value_enum, default_value = "power")]
    pub(crate) sampling_method: DrawArg,
    /// Exponent of the priorities; 0 draws all alike
    #[arg(long, value_name = "A", default_value = "1")]
    pub(crate) sampling_alpha: f64,
    /// Share of the model's own probability in P2; the rest is the share of passed tests
    #[arg(long, value_name = "ALPHA", default_value = "0.5")]
    pub(crate) p2value_alpha: f64,
    /// Programs that pass a smaller share of their tests are never drawn
    #[arg(long, value_name = "SHARE", default_value = "0")]
    pub(crate) min_pass_rate: f64,
    /// Experiences drawn per training [default: as many as there are tasks]
    #[arg(long, value_name = "N", value_parser = count::<usize>)]
    pub(crate) draws: Option<usize>,
    /// Experiences that the buffer holds; beyond them the oldest go
    #[arg(long, value_name = "N", default_value = "10000", value_parser = count::<usize>)]
    pub(crate) buffer_size: usize,
}

impl ReplayArgs {
    pub(crate) fn settings(&self) -> DrawSettings {
        DrawSettings {
            sampling_method: match self.sampling_method {
                DrawArg::Power => Draw::Power,
                DrawArg::Rank => Draw::Rank,
                DrawArg::Uniform => Draw::Uniform,
                DrawArg::Passing => Draw::Passing,
                DrawArg::Own => Draw::Own,
            },
            sampling_alpha: self.sampling_alpha,
            p2value_alpha: self.p2value_alpha,
            min_pass_rate: self.min_pass_rate,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum DrawArg {
    /// P2 itself
    Power,
    /// One over the rank by P2
    Rank,
    /// All alike
    Uniform,
    /// Programs that pass every test, all alike
    Passing,
    /// All alike, whatever the tests said: the control
    Own,
}

/// How an adapter is trained.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Training")]
pub(crate) struct TrainingArgs {
    /// Rank of the adapter
    #[arg(long, value_name = "R", default_value = "16", value_parser = count::<usize>)]
    pub(crate) lora_r: usize,
    /// The adapter's part counts alpha / r times [default: twice the rank]
    #[arg(long, value_name = "ALPHA")]
    pub(crate) lora_alpha: Option<f64>,
    /// Share of the adapter's inputs that is blanked in training
    #[arg(long, value_name = "SHARE", default_value = "0.05")]
    pub(crate) lora_dropout: f64,
    /// Maps that carry an adapter: all-linear, attention, or some of q,k,v,o,gate,up,down
    #[arg(long, value_name = "MAPS", default_value = "all-linear", hide_short_help = true)]
    pub(crate) lora_targets: String,
    /// Highest learning rate
    #[arg(long, value_name = "RATE", default_value = "2e-4")]
    pub(crate) learning_rate: f64,
    /// How the rate falls
    #[arg(long, value_enum, default_value = "cosine", hide_short_help = true)]
    pub(crate) schedule: ScheduleArg,
    /// Steps over which the rate rises; at most a tenth of the run
    #[arg(long, value_name = "N", default_value = "20", hide_short_help = true)]
    pub(crate) warmup_steps: usize,
    /// Passes over the drawn experiences
    #[arg(long, value_name = "N", default_value = "2", value_parser = count::<usize>)]
    pub(crate) num_epochs: usize,
    /// Train on this many answer tokens instead, however many passes they are
    #[arg(long, value_name = "N", value_parser = count::<usize>)]
    pub(crate) gradient_tokens: Option<usize>,
    /// Programs whose gradients are computed at once
    #[arg(long, value_name = "N", default_value = "4", value_parser = count::<usize>, hide_short_help = true)]
    pub(crate) per_device_batch_size: usize,
    /// Batches per step of the optimiser
    #[arg(long, value_name = "N", default_value = "4", value_parser = count::<usize>, hide_short_help = true)]
    pub(crate) gradient_accumulation_steps: usize,
    /// Longer texts are left out, in tokens
    #[arg(long, value_name = "N", default_value = "1024", value_parser = count::<usize>, hide_short_help = true)]
    pub(crate) max_length: usize,
    /// Threads of the trainer
    #[arg(long, value_name = "N", default_value = "1", value_parser = count::<usize>)]
    pub(crate) train_threads: usize,
}

impl TrainingArgs {
    pub(crate) fn settings(&self, seed: u64) -> Result<TrainSettings, egcfg_tune::TuneError> {
        let settings = TrainSettings {
            lora_r: self.lora_r,
            lora_alpha: self.lora_alpha.unwrap_or(2.0 * self.lora_r as f64),
            lora_dropout: self.lora_dropout,
            lora_targets: Target::parse_list(&self.lora_targets)?,
            learning_rate: self.learning_rate,
            schedule: match self.schedule {
                ScheduleArg::Cosine => Schedule::Cosine,
                ScheduleArg::Linear => Schedule::Linear,
                ScheduleArg::Constant => Schedule::Constant,
            },
            warmup_steps: self.warmup_steps,
            num_epochs: self.num_epochs,
            gradient_tokens: self.gradient_tokens,
            per_device_batch_size: self.per_device_batch_size,
            gradient_accumulation_steps: self.gradient_accumulation_steps,
            max_length: self.max_length,
            threads: self.train_threads,
            seed,
            ..TrainSettings::default()
        };
        settings.check()?;
        Ok(settings)
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ScheduleArg {
    Cosine,
    Linear,
    Constant,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct BtpSampleArgs {
    #[command(flatten)]
    pub(crate) data: DatasetArgs,
    /// Folder for the log and the experiences; the same command goes on where it was stopped
    #[arg(long, value_name = "DIR")]
    pub(crate) output_dir: PathBuf,
    /// Share of the model's own probability in the P2 that is written beside each program
    #[arg(long, value_name = "ALPHA", default_value = "0.5")]
    pub(crate) p2value_alpha: f64,
    #[command(flatten)]
    pub(crate) sampling: SamplingArgs,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) method: MethodArgs,
    #[command(flatten)]
    pub(crate) sandbox: SandboxArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct BtpTrainArgs {
    #[command(flatten)]
    pub(crate) data: DatasetArgs,
    /// Experiences (JSON Lines, or a sampling cache of the published fork); repeat it for more
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) experiences: Vec<PathBuf>,
    /// Folder for the adapter, the log and checkpoints; the same command goes on where it was stopped
    #[arg(long, value_name = "DIR")]
    pub(crate) output_dir: PathBuf,
    /// A PEFT folder whose adapter is trained on
    #[arg(long, value_name = "DIR")]
    pub(crate) start_from: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) replay: ReplayArgs,
    #[command(flatten)]
    pub(crate) training: TrainingArgs,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) method: MethodArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct BtpRunArgs {
    #[command(flatten)]
    pub(crate) data: DatasetArgs,
    /// Held-out tasks: a file of the same data set
    #[arg(long, value_name = "FILE")]
    pub(crate) eval_data: PathBuf,
    /// Their split [default: the one that evaluations use]
    #[arg(long, value_name = "SPLIT")]
    pub(crate) eval_split: Option<String>,
    /// Only the first N of them
    #[arg(long, value_name = "N", value_parser = count::<usize>)]
    pub(crate) eval_limit: Option<usize>,
    /// Train without the tasks that are among the held-out ones, instead of refusing them
    #[arg(long)]
    pub(crate) leave_out_overlap: bool,
    /// Rounds
    #[arg(long, value_name = "N", default_value = "3", value_parser = count::<usize>)]
    pub(crate) n_iterations: usize,
    /// Folder for everything; the same command goes on where it was stopped
    #[arg(long, value_name = "DIR")]
    pub(crate) output_dir: PathBuf,
    #[command(flatten)]
    pub(crate) sampling: SamplingArgs,
    #[command(flatten)]
    pub(crate) replay: ReplayArgs,
    #[command(flatten)]
    pub(crate) training: TrainingArgs,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) method: MethodArgs,
    #[command(flatten)]
    pub(crate) sandbox: SandboxArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct BtpExportArgs {
    #[command(flatten)]
    pub(crate) data: DatasetArgs,
    /// Experiences (JSON Lines, or a sampling cache of the published fork); repeat it for more
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) experiences: Vec<PathBuf>,
    /// prompt-completion, conversational, preference, kto, alpaca or sharegpt
    #[arg(long, value_name = "FORM", value_parser = form)]
    pub(crate) form: ExportForm,
    /// Folder for the files
    #[arg(long, value_name = "DIR")]
    pub(crate) output_dir: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct BtpMergeArgs {
    /// The base: `pocket` or a GGUF file
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: String,
    /// The adapter: a PEFT folder
    #[arg(long, value_name = "DIR")]
    pub(crate) adapter: PathBuf,
    /// The GGUF file to write
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

fn form(text: &str) -> Result<ExportForm, String> {
    let found = ExportForm::ALL.into_iter().find(|(_, name)| *name == text);
    found.map(|(form, _)| form).ok_or_else(|| {
        let names: Vec<&str> = ExportForm::ALL.iter().map(|(_, name)| *name).collect();
        format!("expected one of {}", names.join(", "))
    })
}
