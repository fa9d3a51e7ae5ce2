//! The arguments of `compare`.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use egcfg_task::Temperature;

use super::method::MethodArgs;
use super::model::ModelArgs;
use super::sandbox::SandboxArgs;
use super::values::{count, temperature};

#[derive(Debug, ClapArgs)]
pub(crate) struct CompareArgs {
    /// Tasks as JSON Lines
    pub(crate) tasks: PathBuf,
    /// Temperature of best-of-N's samples [default: the candidates']
    #[arg(long, value_name = "T", allow_negative_numbers = true, value_parser = temperature)]
    pub(crate) best_of_temperature: Option<Temperature>,
    /// Only the first N tasks [default: all]
    #[arg(long, value_name = "N", value_parser = count::<usize>)]
    pub(crate) limit: Option<usize>,
    /// Tasks worked on at the same time
    #[arg(long, default_value = "2", value_name = "N", value_parser = count::<usize>)]
    pub(crate) jobs: usize,
    /// Keep a row per task in this file (JSON Lines); tasks that stand in it already are not run again
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Print one JSON object instead of the table
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) method: MethodArgs,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) sandbox: SandboxArgs,
}
