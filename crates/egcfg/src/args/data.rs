//! The arguments of `data` and `eval`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};
use egcfg_bench::dataset::LoadOptions;
use egcfg_bench::store::Target;

use super::sandbox::SandboxArgs;
use super::values::count;

/// A data set and a selection of its tasks.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Data")]
pub(crate) struct DatasetArgs {
    /// The data set (`egcfg data list` shows them), or `tasks` for a file of your own
    #[arg(long, value_name = "NAME")]
    pub(crate) dataset: String,
    /// Its file: JSON Lines (also .gz or .zst), .json or .parquet
    #[arg(long, value_name = "FILE")]
    pub(crate) data: PathBuf,
    /// Only this split, or `all` [default: the one that evaluations use; `verify`: all]
    #[arg(long, value_name = "SPLIT")]
    pub(crate) split: Option<String>,
    /// Only these tasks: ids with or without prefix, or ranges such as 11..20 (both ends included) [default: all]
    #[arg(long, value_delimiter = ',', value_name = "IDS")]
    pub(crate) ids: Vec<String>,
    /// Only the first N of them [default: all]
    #[arg(long, alias = "max-problems", value_name = "N", value_parser = count::<usize>)]
    pub(crate) limit: Option<usize>,
}

impl DatasetArgs {
    /// The selection; `split` is the default one (`None`: the split that evaluations use).
    pub(crate) fn options(&self, split: Option<&str>) -> LoadOptions {
        let split = self.split.clone().or_else(|| split.map(str::to_owned));
        LoadOptions { split, ids: self.ids.clone(), limit: self.limit }
    }
}

/// Data sets: what they are, and whether a file of one is sound
#[derive(Debug, ClapArgs)]
pub(crate) struct DataArgs {
    #[command(subcommand)]
    pub(crate) command: DataCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DataCommand {
    /// List the data sets: what they are, where they come from, their licences, how to get them
    List(ListArgs),
    /// Run every reference solution of a data set through the sandbox and list those that fail
    Verify(Box<VerifyArgs>),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ListArgs {
    /// Print one JSON array
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) data: DatasetArgs,
    /// References judged at the same time [default: the number of processors]
    #[arg(long, value_name = "N", value_parser = count::<usize>)]
    pub(crate) jobs: Option<usize>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) sandbox: SandboxArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct EvalArgs {
    #[command(flatten)]
    pub(crate) data: DatasetArgs,
    /// Programs: samples.jsonl ({task_id, completion or solution}), a JSON list of lists, or results in a folder or at s3://bucket/prefix
    #[arg(long, value_name = "FILE")]
    pub(crate) samples: Target,
    /// Take the program out of each answer that explains it: out of its code fence, behind its thinking
    #[arg(long)]
    pub(crate) extract: bool,
    /// Values of k for pass@k; those that there are too few samples for are left out
    #[arg(long, value_delimiter = ',', default_value = "1,10,100", value_name = "KS", value_parser = count::<usize>)]
    pub(crate) k: Vec<usize>,
    /// Write the results file of the EvalPlus programs here; verdicts are kept beside it and taken up again [default: none]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Programs judged at the same time [default: the number of processors]
    #[arg(long, value_name = "N", value_parser = count::<usize>)]
    pub(crate) jobs: Option<usize>,
    /// Print one JSON object instead of the table
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) sandbox: SandboxArgs,
}
