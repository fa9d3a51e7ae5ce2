//! The arguments of `run`. Fields are named like the keys of an experiment's file, so that the two are laid over each other by
//! name.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args as ClapArgs;
use egcfg_results::BestOfBudget;

use super::method::MethodArgs;
use super::model::ModelArgs;
use super::sandbox::SandboxArgs;
use super::search::TreeArgs;
use super::values::{count, duration, whole};

pub(crate) const RUN_EXAMPLES: &str = "Examples:
  egcfg run --dataset tasks --data tasks.jsonl --config ns3t0.75d5k1_ln --gamma 0,1 --results out
  egcfg run --data tasks.jsonl --method search,best_of --budget 1650 --results out
  egcfg run experiment.toml --results s3://bucket/out --until-solved
  egcfg run --session-config-json session_config.json --dynamic-signals-params dynamic_signals_params.json

Start the same command on as many machines as you like: they share the work. Settings are taken from the command line,
then the experiment's file, then the session's file.";

#[derive(Debug, ClapArgs)]
pub(crate) struct RunArgs {
    /// An experiment (TOML)
    #[arg(value_name = "EXPERIMENT")]
    pub(crate) experiment: Option<PathBuf>,
    /// A session's file of the reference implementation
    #[arg(long, value_name = "FILE")]
    pub(crate) session_config_json: Option<PathBuf>,
    /// Its grid: lists t, s, d, k and prompt_type, whose product is run
    #[arg(long, value_name = "FILE", conflicts_with = "trials_json")]
    pub(crate) dynamic_signals_params: Option<PathBuf>,
    /// Its list of configuration names
    #[arg(long, value_name = "FILE")]
    pub(crate) trials_json: Option<PathBuf>,
    /// The data set; `tasks` is a file of your own tasks [default: tasks]
    #[arg(long, value_name = "NAME")]
    pub(crate) dataset: Option<String>,
    /// The data set's file
    #[arg(long, value_name = "FILE")]
    pub(crate) data: Option<String>,
    /// Where results go: a folder or s3://bucket/prefix [default: results]
    #[arg(long, value_name = "URL")]
    pub(crate) results: Option<String>,
    /// Methods: eg_cfg, plain, best_of, search, search_unique, search_independent, search_beam, search_guided, order,
    /// self_debugging, mapcoder, mgdebugger, lpw, pat, rex [default: eg_cfg]
    #[arg(id = "methods", long = "method", alias = "methods", value_delimiter = ',', value_name = "METHODS")]
    pub(crate) methods: Option<Vec<String>>,
    /// Repeat every unit that draws this often, with other draws [default: 0]
    #[arg(long, value_name = "N", value_parser = whole::<u32>)]
    pub(crate) retries: Option<u32>,
    /// First task, counted from 0 [default: 0]
    #[arg(long, value_name = "N", value_parser = whole::<usize>)]
    pub(crate) start: Option<usize>,
    /// One past the last task [default: all]
    #[arg(long, value_name = "N", value_parser = count::<usize>)]
    pub(crate) end: Option<usize>,
    /// Only the first N tasks, from --start on [default: all]
    #[arg(long, value_name = "N", value_parser = count::<usize>, conflicts_with = "end")]
    pub(crate) limit: Option<usize>,
    /// A task that passes once is dropped by all agents [default: false]
    ///
    /// Scores then leave out what they cannot know.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) until_solved: Option<bool>,
    /// Samples of best_of, or `equal`: as many tokens as eg_cfg took on the same task [default: 10]
    ///
    /// `equal` holds for every method that takes a budget, and needs eg_cfg among the methods.
    #[arg(long, value_name = "N|equal", value_parser = best_of)]
    pub(crate) best_of: Option<BestOfBudget>,
    /// Let an ExecEval server judge the graded tests (stdin/stdout tasks only) [default: the sandbox]
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) exec_eval: Option<String>,
    /// Keep event logs [default: true]
    #[arg(id = "events", long = "event-logs", value_name = "BOOL", num_args = 0..=1, require_equals = true,
        default_missing_value = "true")]
    pub(crate) events: Option<bool>,
    /// Units worked on at the same time [default: 1]
    #[arg(long, value_name = "N", value_parser = count::<usize>)]
    pub(crate) jobs: Option<usize>,
    /// Seconds for which an agent may be silent before others take its units over [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = duration)]
    pub(crate) lease: Option<Duration>,
    /// How often a unit may fail for reasons that are not its program's
    #[arg(long, default_value = "3", value_name = "N", value_parser = count::<u32>)]
    pub(crate) max_attempts: u32,
    /// Try units again that were given up
    #[arg(long)]
    pub(crate) retry_errors: bool,
    /// List the units and tell where every setting comes from; do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print one JSON object at the end instead of a line
    #[arg(long)]
    pub(crate) json: bool,
    /// A line per unit on standard error
    #[arg(short, long)]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) tree: TreeArgs,
    /// Share of the budget that the plain tree gets where guidance comes after it: in the methods order and search_guided
    /// [default: 0.6]
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true, value_parser = share, hide_short_help = true,
        help_heading = "Search")]
    pub(crate) tree_share: Option<f64>,
    #[command(flatten)]
    pub(crate) method: MethodArgs,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) sandbox: SandboxArgs,
}

/// A share of a budget.
fn share(text: &str) -> Result<f64, String> {
    match text.trim().parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("expected a number from 0 to 1".to_owned()),
    }
}

/// Best-of-N's budget: a number of samples, or the word `equal`.
fn best_of(text: &str) -> Result<BestOfBudget, String> {
    let value = count::<usize>(text).map_or_else(|_| serde_json::json!(text), |n| serde_json::json!(n));
    serde_json::from_value(value).map_err(|_| "expected a number of samples from 1 on, or 'equal'".to_owned())
}
