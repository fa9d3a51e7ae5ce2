//! The arguments of `btp experiments`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};
use egcfg_tune::experiments::{Mode, Step};

use super::super::values::count;
use super::groups::{LearningArgs, SamplingArgs, WorkArgs};

/// The experiments and what they are carried out on.
#[derive(Debug, ClapArgs)]
pub(crate) struct BtpExperimentsArgs {
    /// How much is done
    #[arg(long, value_enum, default_value = "quick")]
    pub(crate) mode: ModeArg,
    /// Which experiment [default: all five]
    #[arg(long, alias = "single-step", alias = "single_step", value_enum, required_if_eq("mode", "single"))]
    pub(crate) step: Option<StepArg>,
    /// Only these arms, by the names that the tables have, such as power,uniform,passing [default: all of the experiment]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) arms: Vec<String>,
    /// Folder for everything; the same command goes on where it was stopped
    #[arg(long, value_name = "DIR")]
    pub(crate) output_dir: PathBuf,
    /// The data set; of MBPP the published splits are taken from one file [default: tasks]
    #[arg(long, value_name = "NAME", requires = "data")]
    pub(crate) dataset: Option<String>,
    /// Its file: the tasks to learn from [default: the training tasks of the embedded model]
    #[arg(long, value_name = "FILE")]
    pub(crate) data: Option<PathBuf>,
    /// Held-out tasks; repeat it for more sets, the first of which ranks the hyper-parameters [default: the embedded model's
    /// development tasks; of MBPP the splits validation and test]
    #[arg(long, value_name = "FILE")]
    pub(crate) eval_data: Vec<PathBuf>,
    /// Train without the tasks that are among the held-out ones, instead of refusing them
    #[arg(long)]
    pub(crate) leave_out_overlap: bool,
    /// Only the first N training tasks [default: quick 100, full all]
    #[arg(long, value_name = "N", value_parser = count::<usize>)]
    pub(crate) max_problems: Option<usize>,
    /// Only the first N tasks of each held-out set [default: quick 100, full all]
    #[arg(long, value_name = "N", value_parser = count::<usize>)]
    pub(crate) eval_limit: Option<usize>,
    /// Trainings of each arm, with other draws [default: 3; quick trains a hyper-parameter once]
    #[arg(long, value_name = "N", value_parser = count::<usize>)]
    pub(crate) seeds: Option<usize>,
    /// Rounds of sampling and training of every arm [default: btp 2 (quick) or 3 (full), the others 1]
    #[arg(long, value_name = "N", value_parser = count::<usize>)]
    pub(crate) n_iterations: Option<usize>,
    /// Generated tokens of the tree per held-out task
    #[arg(long, value_name = "TOKENS", default_value = "400", value_parser = count::<usize>)]
    pub(crate) tree_tokens: usize,
    /// Arms that are trained and scored at the same time
    #[arg(long, value_name = "N", default_value = "2", value_parser = count::<usize>)]
    pub(crate) parallel: usize,
    /// The model whose programs the experiment large-to-small learns from [default: the model itself]
    #[arg(long, value_name = "MODEL")]
    pub(crate) source_model: Option<String>,
    #[command(flatten)]
    pub(crate) sampling: SamplingArgs,
    #[command(flatten)]
    pub(crate) learning: LearningArgs,
    #[command(flatten)]
    pub(crate) work: WorkArgs,
}

/// The amount of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeArg {
    /// All five, small: minutes on the embedded model.
    Quick,
    /// All five at full size, on a data set of yours.
    Full,
    /// One of them (--step) at full size.
    Single,
}

impl From<ModeArg> for Mode {
    fn from(arg: ModeArg) -> Self {
        match arg {
            ModeArg::Quick => Self::Quick,
            ModeArg::Full | ModeArg::Single => Self::Full,
        }
    }
}

/// One experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StepArg {
    /// The untrained model: greedy, tree, guided decoding.
    Baseline,
    /// Rounds of sampling and training.
    Btp,
    /// The draw, P2's alpha, the buffer.
    Ablation,
    /// Alpha, programs, temperature, ranked by held-out tasks solved.
    Hyperparameter,
    /// One model writes, another learns.
    LargeToSmall,
}

impl From<StepArg> for Step {
    fn from(arg: StepArg) -> Self {
        match arg {
            StepArg::Baseline => Self::Baseline,
            StepArg::Btp => Self::Btp,
            StepArg::Ablation => Self::Ablation,
            StepArg::Hyperparameter => Self::Hyperparameter,
            StepArg::LargeToSmall => Self::LargeToSmall,
        }
    }
}
