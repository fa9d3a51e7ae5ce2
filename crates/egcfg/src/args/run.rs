//! Arguments of `run` and `submit`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

use super::{KnobArgs, ModelArgs, SandboxArgs};

pub(crate) const RUN_EXAMPLES: &str = "Examples:
  egcfg run --dataset tasks --data tasks.jsonl --config ns3t0.75d5k1_ln --gamma 0,1 --results out
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
    /// The data set; `tasks` is a file of your own tasks
    #[arg(long, value_name = "NAME")]
    pub(crate) dataset: Option<String>,
    /// The data set's file
    #[arg(long, value_name = "FILE")]
    pub(crate) data: Option<String>,
    /// Where results go: a folder or s3://bucket/prefix [default: results]
    #[arg(long, value_name = "URL")]
    pub(crate) results: Option<String>,
    /// Methods: eg_cfg, plain, best_of, self_debugging, mapcoder, mgdebugger, lpw [default: eg_cfg]
    #[arg(long = "method", value_delimiter = ',', value_name = "METHODS")]
    pub(crate) methods: Option<Vec<String>>,
    /// Guidance strengths [default: 0,0.5,1,3]
    #[arg(long, value_delimiter = ',', value_name = "GAMMAS", allow_negative_numbers = true)]
    pub(crate) gamma: Option<Vec<f64>>,
    /// Repeat every unit that draws this often, with other draws [default: 0]
    #[arg(long, value_name = "N")]
    pub(crate) retries: Option<u32>,
    /// First task, counted from 0
    #[arg(long, value_name = "N")]
    pub(crate) start: Option<usize>,
    /// One past the last task
    #[arg(long, value_name = "N")]
    pub(crate) end: Option<usize>,
    /// A task that passes once is dropped by all agents; scores then leave out what they cannot know
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) until_solved: Option<bool>,
    /// Samples of best_of, or `equal`: as many tokens as eg_cfg took on the same task, for every method that takes a budget [default: 10]
    #[arg(long, value_name = "N|equal")]
    pub(crate) best_of: Option<String>,
    /// Let an ExecEval server judge the graded tests; stdin/stdout tasks only. Candidates still run in the sandbox
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) exec_eval: Option<String>,
    /// Keep event logs [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) event_logs: Option<bool>,
    /// Units worked on at the same time [default: 1]
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<usize>,
    /// Seconds for which an agent may be silent before others take its units over [default: 60]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) lease: Option<f64>,
    /// How often a unit may fail for reasons that are not its program's
    #[arg(long, default_value = "3", value_name = "N")]
    pub(crate) max_attempts: u32,
    /// Try units again that were given up
    #[arg(long)]
    pub(crate) retry_errors: bool,
    /// List the units and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print one JSON object at the end instead of a line
    #[arg(long)]
    pub(crate) json: bool,
    /// A line per unit on standard error
    #[arg(short, long)]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) knobs: KnobArgs,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) sandbox: SandboxArgs,
}

pub(crate) const SUBMIT_EXAMPLES: &str = "Examples:
  egcfg submit slurm --agents 8 --time 04:00:00 --gpus 1 -- run experiment.toml | sbatch
  egcfg submit kubernetes --agents 8 --image registry/egcfg:1 --volume results:/results \\
      -- run /results/experiment.toml --results /results/out | kubectl apply -f -";

#[derive(Debug, ClapArgs)]
pub(crate) struct SubmitArgs {
    #[command(subcommand)]
    pub(crate) to: SubmitTo,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SubmitTo {
    /// A job array for sbatch
    Slurm(SlurmArgs),
    /// An indexed Job for kubectl
    Kubernetes(KubernetesArgs),
}

/// What both have in common.
#[derive(Debug, ClapArgs)]
pub(crate) struct AgentsArgs {
    /// Agents to start
    #[arg(long, default_value = "4", value_name = "N")]
    pub(crate) agents: u32,
    /// The job's name
    #[arg(long, default_value = "egcfg", value_name = "NAME")]
    pub(crate) name: String,
    /// Time limit of each agent, as HH:MM:SS
    #[arg(long, value_name = "TIME")]
    pub(crate) time: Option<String>,
    /// Processors per agent
    #[arg(long, default_value = "4", value_name = "N")]
    pub(crate) cpus: u32,
    /// Accelerators per agent
    #[arg(long, default_value = "0", value_name = "N")]
    pub(crate) gpus: u32,
    /// Memory per agent, such as 16G
    #[arg(long, default_value = "8G", value_name = "SIZE")]
    pub(crate) memory: String,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// The agents' command line: `run` and its arguments
    #[arg(last = true, required = true, value_name = "RUN")]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct SlurmArgs {
    #[command(flatten)]
    pub(crate) agents: AgentsArgs,
    /// Partition
    #[arg(long, value_name = "NAME")]
    pub(crate) partition: Option<String>,
    /// Account
    #[arg(long, value_name = "NAME")]
    pub(crate) account: Option<String>,
    /// Folder of the agents' output files
    #[arg(long, default_value = ".", value_name = "FOLDER")]
    pub(crate) logs: String,
    /// The program to start [default: this one]
    #[arg(long, value_name = "FILE")]
    pub(crate) program: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct KubernetesArgs {
    #[command(flatten)]
    pub(crate) agents: AgentsArgs,
    /// The container image, whose entry point need not be egcfg
    #[arg(long, value_name = "IMAGE")]
    pub(crate) image: String,
    /// Namespace
    #[arg(long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// A persistent volume claim and where it is mounted; repeat it for more
    #[arg(long = "volume", value_name = "CLAIM:PATH")]
    pub(crate) volumes: Vec<String>,
    /// A secret whose entries become environment variables (AWS_*, API keys); repeat it for more
    #[arg(long = "env-from-secret", value_name = "NAME")]
    pub(crate) secrets: Vec<String>,
}
