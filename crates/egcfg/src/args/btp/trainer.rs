//! The arguments of the trainer, and of `btp setup`, which makes what the one over PyTorch needs.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

/// Who computes.
#[derive(Debug, Clone, Default, ClapArgs)]
pub(crate) struct TrainerArgs {
    /// The trainer
    #[arg(long, value_enum, default_value = "builtin")]
    pub(crate) trainer: TrainerArg,
    /// The Python of --trainer peft [default: the environment that `egcfg btp setup` made]
    #[arg(long, env = "EGCFG_TRAINER_PYTHON", value_name = "FILE", hide_short_help = true)]
    pub(crate) trainer_python: Option<PathBuf>,
    /// The checkpoint folder (safetensors) that --trainer peft trains [default: --model, where it is a folder]
    #[arg(long, value_name = "DIR", hide_short_help = true)]
    pub(crate) checkpoint: Option<PathBuf>,
    /// Start --trainer peft under `accelerate launch` with these arguments, such as '--num_processes 4' [default: one process]
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true, hide_short_help = true)]
    pub(crate) accelerate: Option<String>,
}

/// A trainer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum TrainerArg {
    /// In this process, on a GGUF file of the Llama family.
    #[default]
    Builtin,
    /// PyTorch and PEFT, on a folder of safetensors; several GPUs and machines through accelerate.
    Peft,
}

/// Where the environment goes.
#[derive(Debug, ClapArgs)]
pub(crate) struct BtpSetupArgs {
    /// The folder of the environment [default: `trainer` in the cache, see EGCFG_CACHE]
    #[arg(long, value_name = "DIR")]
    pub(crate) output_dir: Option<PathBuf>,
    /// The Python that makes it [default: python3]
    #[arg(long, value_name = "FILE")]
    pub(crate) python: Option<PathBuf>,
}
