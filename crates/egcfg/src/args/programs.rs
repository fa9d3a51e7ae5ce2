//! The arguments of `trace` and `judge`, which look at programs that exist.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::sandbox::SandboxArgs;
use super::values::count;

#[derive(Debug, ClapArgs)]
pub(crate) struct TraceArgs {
    /// The program
    pub(crate) file: PathBuf,
    /// The call to trace, such as 'f([1, 2])'
    #[arg(long, value_name = "CALL")]
    pub(crate) call: String,
    /// How to write the trace
    #[arg(long, value_enum, default_value = "full")]
    pub(crate) format: TraceFormat,
    /// Steps at most; a longer trace is cut and marked
    #[arg(long, default_value = "2000", value_name = "N", value_parser = count::<u32>)]
    pub(crate) steps: u32,
    /// One step per byte-code instruction as well
    #[arg(long)]
    pub(crate) instructions: bool,
    #[command(flatten)]
    pub(crate) sandbox: SandboxArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum TraceFormat {
    Full,
    Minimal,
    Json,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct JudgeArgs {
    /// The program
    pub(crate) file: PathBuf,
    /// A test, such as 'assert f(2) == 4'; repeat it for more
    #[arg(long = "test", value_name = "ASSERT")]
    pub(crate) tests: Vec<String>,
    /// A task file whose graded tests (or else shown tests) count
    #[arg(long, value_name = "TASK", conflicts_with = "tests")]
    pub(crate) task: Option<PathBuf>,
    /// The function that the tests call [default: found in the tests]
    #[arg(long, value_name = "NAME")]
    pub(crate) entry_point: Option<String>,
    /// Judge twice; a test whose verdicts differ is marked as flaky and does not pass
    #[arg(long)]
    pub(crate) twice: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) sandbox: SandboxArgs,
}
