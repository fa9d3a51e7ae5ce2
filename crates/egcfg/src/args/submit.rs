//! The arguments of `submit`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

use super::values::{count, whole};

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
    #[arg(long, default_value = "4", value_name = "N", value_parser = count::<u32>)]
    pub(crate) agents: u32,
    /// The job's name
    #[arg(long, default_value = "egcfg", value_name = "NAME")]
    pub(crate) name: String,
    /// Time limit of each agent, as HH:MM:SS [default: the cluster's]
    #[arg(long, value_name = "TIME")]
    pub(crate) time: Option<String>,
    /// Processors per agent
    #[arg(long, default_value = "4", value_name = "N", value_parser = count::<u32>)]
    pub(crate) cpus: u32,
    /// Accelerators per agent
    #[arg(long, default_value = "0", value_name = "N", value_parser = whole::<u32>)]
    pub(crate) gpus: u32,
    /// Memory per agent, such as 16G
    #[arg(long, default_value = "8G", value_name = "SIZE")]
    pub(crate) memory: String,
    /// Write to this file [default: standard output]
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
    /// Partition [default: the cluster's]
    #[arg(long, value_name = "NAME")]
    pub(crate) partition: Option<String>,
    /// Account [default: the user's]
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
    /// Namespace [default: the context's]
    #[arg(long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// A persistent volume claim and where it is mounted; repeat it for more
    #[arg(long = "volume", value_name = "CLAIM:PATH")]
    pub(crate) volumes: Vec<String>,
    /// A secret whose entries become environment variables (AWS_*, API keys); repeat it for more
    #[arg(long = "env-from-secret", value_name = "NAME")]
    pub(crate) secrets: Vec<String>,
}
