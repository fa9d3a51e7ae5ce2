//! Groups of arguments that several commands of `btp` share.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use egcfg_guidance::Policy;

use super::super::data::DatasetArgs;
use super::super::method::MethodArgs;
use super::super::model::ModelArgs;
use super::super::sandbox::SandboxArgs;
use super::super::values::count;
use super::replay::ReplayArgs;
use super::training::TrainingArgs;

/// What every command that has a model at work takes: which one, how it is prompted, where programs run.
#[derive(Debug, ClapArgs)]
pub(crate) struct WorkArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) method: MethodArgs,
    #[command(flatten)]
    pub(crate) sandbox: SandboxArgs,
}

/// What every command that trains takes.
#[derive(Debug, ClapArgs)]
pub(crate) struct LearningArgs {
    #[command(flatten)]
    pub(crate) replay: ReplayArgs,
    #[command(flatten)]
    pub(crate) training: TrainingArgs,
}

/// Experiences, and the tasks that they are of.
#[derive(Debug, ClapArgs)]
pub(crate) struct ExperiencesArgs {
    #[command(flatten)]
    pub(crate) data: DatasetArgs,
    /// Experiences (JSON Lines, or a sampling cache of the published fork); repeat it for more
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) experiences: Vec<PathBuf>,
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
