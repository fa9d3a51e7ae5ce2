//! The arguments of `btp`: sample, train, run, experiments, export. The words are those that users of the published fork type.

mod experiments;
mod fork;
mod groups;
mod replay;
mod trainer;
mod training;

pub(crate) use experiments::{BtpExperimentsArgs, ModeArg};
pub(crate) use fork::ForkArgs;
pub(crate) use groups::{ExperiencesArgs, LearningArgs, SamplingArgs, WorkArgs};
pub(crate) use trainer::{BtpSetupArgs, TrainerArg, TrainerArgs};

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};
use egcfg_tune::export::ExportForm;

use super::data::DatasetArgs;
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
    /// Make the Python environment that `--trainer peft` runs in
    Setup(BtpSetupArgs),
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
    pub(crate) work: WorkArgs,
    #[command(flatten)]
    pub(crate) fork: ForkArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct BtpTrainArgs {
    #[command(flatten)]
    pub(crate) from: ExperiencesArgs,
    /// Folder for the adapter, the log and checkpoints; the same command goes on where it was stopped
    #[arg(long, value_name = "DIR")]
    pub(crate) output_dir: PathBuf,
    /// A PEFT folder whose adapter is trained on
    #[arg(long, value_name = "DIR")]
    pub(crate) start_from: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) learning: LearningArgs,
    #[command(flatten)]
    pub(crate) work: WorkArgs,
    #[command(flatten)]
    pub(crate) fork: ForkArgs,
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
    pub(crate) learning: LearningArgs,
    #[command(flatten)]
    pub(crate) work: WorkArgs,
    #[command(flatten)]
    pub(crate) fork: ForkArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct BtpExportArgs {
    #[command(flatten)]
    pub(crate) from: ExperiencesArgs,
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
