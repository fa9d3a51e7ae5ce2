//! The arguments of `compare`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args as ClapArgs;
use egcfg_task::Temperature;

use super::method::MethodArgs;
use super::model::ModelArgs;
use super::sandbox::SandboxArgs;
use super::values::{count, duration, temperature};

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
    /// Keep the results in this folder or s3://bucket/prefix: the same command goes on where it stopped, on any number of
    /// machines [default: not kept]
    #[arg(long, alias = "out", value_name = "URL")]
    pub(crate) results: Option<String>,
    /// Seconds for which an agent may be silent before others take its units over [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = duration, hide_short_help = true)]
    pub(crate) lease: Option<Duration>,
    /// Try units again that were given up
    #[arg(long)]
    pub(crate) retry_errors: bool,
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
