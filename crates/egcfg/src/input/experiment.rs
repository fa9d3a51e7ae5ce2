//! An experiment's settings from all their sources: the command line over the experiment's file over the session's files.

use std::path::Path;

use clap::CommandFactory as _;
use clap::parser::ValueSource;
use egcfg_bench::config::{Overrides, file, session};
use egcfg_bench::dataset::LoadOptions;
use egcfg_results::BestOfBudget;
use egcfg_task::Task;

use crate::args::Args;
use crate::args::run::RunArgs;
use crate::commands::data::load;
use crate::exit::Failure;
use crate::input::{knobs, task_file};

/// The settings of a run, and warnings about the files that they come from.
pub(crate) fn settings(args: &RunArgs) -> Result<(Overrides, Vec<String>), Failure> {
    let mut warnings = Vec::new();
    let mut below = Overrides::default();
    if let Some(path) = &args.session_config_json {
        let (read, told) = session::session(&name(path), &text(path)?)?;
        warnings.extend(told);
        below = read.over(below);
    }
    if let Some(path) = &args.dynamic_signals_params {
        let (names, told) = session::params(&name(path), &text(path)?)?;
        warnings.extend(told);
        below.configurations = Some(names);
    }
    if let Some(path) = &args.trials_json {
        below.configurations = Some(session::trials(&name(path), &text(path)?)?);
    }
    if let Some(path) = &args.experiment {
        let (read, told) = file::parse(&name(path), &text(path)?)?;
        warnings.extend(told);
        below = read.over(below);
    }
    let mut settings = flags(args)?.over(below);
    settings.configurations = Some(configurations(args, settings.configurations)?);
    Ok((settings, warnings))
}

/// What stands on the command line (or in the environment variables behind it).
fn flags(args: &RunArgs) -> Result<Overrides, Failure> {
    let given = Given::here();
    let best_of = match args.best_of.as_deref() {
        None => None,
        Some(text) => {
            let value = text.parse().map_or_else(|_| serde_json::json!(text), |n: u32| serde_json::json!(n));
            let budget: BestOfBudget = serde_json::from_value(value).map_err(|_| {
                Failure::usage(format!("--best-of '{text}' is neither a number of samples nor 'equal'"))
            })?;
            Some(budget)
        }
    };
    Ok(Overrides {
        dataset: args.dataset.clone(),
        data: args.data.clone(),
        model: given.is("model").then(|| args.model.model.clone()),
        results: args.results.clone(),
        methods: args.methods.clone(),
        configurations: args
            .knobs
            .config
            .as_ref()
            .map(|names| names.split(',').map(|name| name.trim().to_owned()).collect()),
        gammas: args.gamma.clone(),
        retries: args.retries,
        seed: given.is("seed").then_some(args.knobs.seed),
        start: args.start,
        end: args.end,
        until_solved: args.until_solved,
        best_of,
        max_tokens: args.knobs.max_tokens,
        signal_format: args.knobs.signal_format.map(Into::into),
        signal_tokens: args.knobs.signal_tokens,
        template: args.knobs.template.as_ref().map(|path| path.display().to_string()),
        timeout: args.sandbox.timeout.map(|timeout| timeout.as_secs_f64()),
        memory_limit: args.sandbox.memory_limit,
        jobs: args.jobs,
        lease: args.lease,
        events: args.event_logs,
        exec_eval: args.exec_eval.clone(),
    })
}

/// Every configuration with the knobs that were given by themselves laid over its name.
fn configurations(args: &RunArgs, names: Option<Vec<String>>) -> Result<Vec<String>, Failure> {
    let names = names.unwrap_or_else(|| vec![egcfg_task::Config::default().to_string()]);
    let mut resolved = Vec::with_capacity(names.len());
    for name in names {
        let knobs = crate::args::KnobArgs { config: Some(name), ..args.knobs.clone() };
        resolved.push(knobs::config(&knobs, "")?.to_string());
    }
    Ok(resolved)
}

/// The data set's own name, and its tasks, cut to the wanted range.
pub(crate) fn tasks(settings: &Overrides) -> Result<(String, Vec<Task>), Failure> {
    let dataset = settings.dataset.as_deref().unwrap_or("tasks");
    let Some(data) = &settings.data else {
        return Err(Failure::usage("no data given").hint("name the tasks' file with --data"));
    };
    let (name, mut tasks) = if dataset == "tasks" {
        (dataset.to_owned(), task_file::read(Path::new(data))?)
    } else {
        let set = load(dataset, Path::new(data), &LoadOptions::default())?;
        (set.name.clone(), set.tasks())
    };
    let all = tasks.len();
    let (start, end) = (settings.start.unwrap_or(0), settings.end.unwrap_or(all).min(all));
    if start >= end {
        return Err(Failure::usage(format!("tasks {start} to {end}: {data} holds {all}, none is left")));
    }
    tasks.truncate(end);
    tasks.drain(..start);
    Ok((name, tasks))
}

/// Which flags of `run` were given, rather than left at their defaults.
struct Given(Option<clap::ArgMatches>);

impl Given {
    fn here() -> Self {
        let matches = Args::command().try_get_matches().ok();
        Self(matches.and_then(|matches| matches.subcommand().map(|(_, run)| run.clone())))
    }

    fn is(&self, id: &str) -> bool {
        let source = self.0.as_ref().and_then(|matches| matches.value_source(id));
        matches!(source, Some(ValueSource::CommandLine | ValueSource::EnvVariable))
    }
}

fn name(path: &Path) -> String {
    path.display().to_string()
}

fn text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::input(format!("failed to read {}: {error}", path.display())))
}
