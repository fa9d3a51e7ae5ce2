//! `egcfg submit`: job files that start agents of the same `run` command on a cluster. They are printed, not sent: what is sent is
//! looked at first.

use std::process::ExitCode;

use clap::Parser as _;
use egcfg_bench::submit::{Kubernetes, Resources, Slurm, Volume, mebibytes, seconds};

use crate::args::submit::{AgentsArgs, KubernetesArgs, SlurmArgs, SubmitArgs, SubmitTo};
use crate::args::{Args, Command};
use crate::exit::{Failure, SOLVED};
use crate::output::file::write_whole;
use crate::output::text::data;

pub(crate) fn run(args: SubmitArgs) -> Result<ExitCode, Failure> {
    let (text, out) = match args.to {
        SubmitTo::Slurm(args) => (slurm(&args)?, args.agents.out),
        SubmitTo::Kubernetes(args) => (kubernetes(&args)?, args.agents.out),
    };
    match out {
        None => data(&text)?,
        Some(path) => write_whole(&path, &text)?,
    }
    Ok(ExitCode::from(SOLVED))
}

fn slurm(args: &SlurmArgs) -> Result<String, Failure> {
    let program = match &args.program {
        Some(program) => program.clone(),
        None => std::env::current_exe()
            .map(|path| path.display().to_string())
            .map_err(|error| Failure::usage(format!("failed to find this program's file: {error}")))?,
    };
    let job = Slurm {
        resources: resources(&args.agents)?,
        partition: args.partition.clone(),
        account: args.account.clone(),
        logs: args.logs.clone(),
        command: command(&program, &args.agents)?,
    };
    Ok(job.script())
}

fn kubernetes(args: &KubernetesArgs) -> Result<String, Failure> {
    let volume = |text: &String| {
        let parts = text.split_once(':').filter(|(claim, path)| !claim.is_empty() && path.starts_with('/'));
        let (claim, path) = parts.ok_or_else(|| {
            Failure::usage(format!("--volume '{text}' is not CLAIM:/PATH")).hint("such as results:/results")
        })?;
        Ok(Volume { claim: claim.to_owned(), path: path.to_owned() })
    };
    let job = Kubernetes {
        resources: resources(&args.agents)?,
        image: args.image.clone(),
        namespace: args.namespace.clone(),
        volumes: args.volumes.iter().map(volume).collect::<Result<_, Failure>>()?,
        secrets: args.secrets.clone(),
        command: command("egcfg", &args.agents)?,
    };
    Ok(job.manifest())
}

fn resources(args: &AgentsArgs) -> Result<Resources, Failure> {
    let time = args
        .time
        .as_deref()
        .map(|text| seconds(text).ok_or_else(|| Failure::usage(format!("--time '{text}' is not HH:MM:SS"))));
    let memory_mib = mebibytes(&args.memory)
        .ok_or_else(|| Failure::usage(format!("--memory '{}' is no size such as 16G", args.memory)))?;
    Ok(Resources {
        agents: args.agents,
        name: args.name.clone(),
        seconds: time.transpose()?,
        cpus: args.cpus,
        gpus: args.gpus,
        memory_mib,
    })
}

/// The agents' command line, after a look at whether it is one.
fn command(program: &str, args: &AgentsArgs) -> Result<Vec<String>, Failure> {
    let words: Vec<String> =
        std::iter::once(program.to_owned()).chain(args.command.iter().cloned()).collect();
    match Args::try_parse_from(&words).map(|args| args.command) {
        Ok(Command::Run(_)) => Ok(words),
        Ok(_) => Err(Failure::usage("only 'run' can be started on a cluster")
            .hint("write it after two dashes: -- run experiment.toml")),
        Err(error) => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
            Err(Failure::usage(format!("the agents' command line: {first}"))
                .hint("write it after two dashes: -- run experiment.toml"))
        }
    }
}
