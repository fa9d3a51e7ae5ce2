//! The arguments of `doctor` and `demo`, the first commands that a new user tries.

use clap::Args as ClapArgs;

use super::model::ModelArgs;
use super::sandbox::SandboxArgs;
use super::values::count;

#[derive(Debug, ClapArgs)]
pub(crate) struct DemoArgs {
    /// How many tasks, 6 at most
    #[arg(long, default_value = "6", value_name = "N", value_parser = count::<usize>)]
    pub(crate) tasks: usize,
    #[command(flatten)]
    pub(crate) sandbox: SandboxArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct DoctorArgs {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Look at the interpreter and its sandbox only, without loading a model
    #[arg(long)]
    pub(crate) sandbox_only: bool,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) sandbox: SandboxArgs,
}
