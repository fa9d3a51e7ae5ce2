//! The arguments of `solve`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::method::MethodArgs;
use super::model::ModelArgs;
use super::sandbox::SandboxArgs;
use super::search::SearchArgs;
use super::values::{count, whole};

pub(crate) const SOLVE_EXAMPLES: &str = "Examples:
  egcfg solve --prompt 'keep the even numbers, then reverse the order' \\
      --test 'assert pick([1, 2, 4]) == [4, 2]' --test 'assert pick([6]) == [6]'
  egcfg solve task.toml --model ~/models/coder.gguf --gamma 0,1,3 --events log.jsonl
  egcfg solve task.toml --method search --budget 5000 --width 4
  egcfg solve task.json --config ns3t0.75d5k1_lci_ln --json";

#[derive(Debug, ClapArgs)]
pub(crate) struct SolveArgs {
    /// Task files: TOML, JSON, or JSON Lines with one task a line
    #[arg(value_name = "TASK")]
    pub(crate) tasks: Vec<PathBuf>,
    /// What the function shall do, instead of a task file
    #[arg(long, value_name = "TEXT", conflicts_with = "tasks")]
    pub(crate) prompt: Option<String>,
    /// A test of that function, such as 'assert f(2) == 4'; repeat it for more
    #[arg(long = "test", value_name = "ASSERT")]
    pub(crate) tests: Vec<String>,
    /// The function's name [default: the one that the tests call]
    #[arg(long, value_name = "NAME")]
    pub(crate) entry_point: Option<String>,
    /// Go through the guidance strengths again this often, with other draws
    #[arg(long, default_value = "0", value_name = "N", value_parser = whole::<u32>)]
    pub(crate) retries: u32,
    /// Tasks worked on at the same time
    #[arg(long, default_value = "1", value_name = "N", value_parser = count::<usize>)]
    pub(crate) jobs: usize,
    /// Append every event to this file as JSON Lines
    #[arg(long, value_name = "FILE")]
    pub(crate) events: Option<PathBuf>,
    /// Print one JSON object per task instead of the program
    #[arg(long)]
    pub(crate) json: bool,
    /// Say more: every refresh (-v), every token that guidance changed (-vv)
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    #[command(flatten)]
    pub(crate) search: SearchArgs,
    #[command(flatten)]
    pub(crate) method: MethodArgs,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) sandbox: SandboxArgs,
}
