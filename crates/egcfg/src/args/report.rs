//! Arguments of `egcfg report` and `egcfg watch`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};
use egcfg_bench::store::Target;

use super::values::duration;

#[derive(Debug, ClapArgs)]
pub(crate) struct ReportArgs {
    /// A results folder or s3://bucket/prefix, or one of its data sets or models
    pub(crate) results: Target,
    /// What to write [default: by the ending of --out, else table]
    #[arg(long, value_enum)]
    pub(crate) format: Option<ReportFormat>,
    /// Write to this file [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// The configuration whose pass@1 is the first number [default: the experiment's first, at gamma 1]
    #[arg(long, value_name = "NAME[@GAMMA]", value_parser = egcfg_report::Fixed::parse)]
    pub(crate) fixed: Option<egcfg_report::Fixed>,
    /// Compare two configurations over the same tasks; repeat it for more
    #[arg(long = "pair", value_name = "NAME[@GAMMA],NAME[@GAMMA]", value_parser = pair)]
    pub(crate) pairs: Vec<Pair>,
    /// Largest size of the replays in the HTML file, in MiB; what does not fit is left out, and it says so
    #[arg(long, default_value = "32", value_name = "MIB")]
    pub(crate) replays: usize,
    #[command(flatten)]
    pub(crate) which: WhichArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct WatchArgs {
    /// A results folder or s3://bucket/prefix, or one of its data sets or models
    pub(crate) results: Target,
    /// Look once, print everything, and end
    #[arg(long)]
    pub(crate) once: bool,
    /// Seconds between two looks [default: 2 on a terminal, else 10]
    #[arg(long, value_name = "SECONDS", value_parser = duration)]
    pub(crate) interval: Option<std::time::Duration>,
    #[command(flatten)]
    pub(crate) which: WhichArgs,
}

/// Two configurations to be held against each other.
pub(crate) type Pair = [egcfg_report::Fixed; 2];

fn pair(text: &str) -> Result<Pair, String> {
    let (first, second) =
        text.split_once(',').ok_or("expected two configurations with a comma between them")?;
    Ok([egcfg_report::Fixed::parse(first)?, egcfg_report::Fixed::parse(second)?])
}

/// Part of a results folder.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct WhichArgs {
    /// Only this data set [default: all]
    #[arg(long, value_name = "NAME")]
    pub(crate) dataset: Option<String>,
    /// Only this model [default: all]
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
}

impl From<&WhichArgs> for egcfg_results::read::Filter {
    fn from(args: &WhichArgs) -> Self {
        Self { dataset: args.dataset.clone(), model: args.model.clone() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    Table,
    Csv,
    Json,
    /// One page with a replay of every run
    Html,
    /// Solved against generated tokens, as a picture
    Svg,
    /// The programs as samples, which `egcfg eval` reads; with --fixed those of one configuration
    Samples,
}
