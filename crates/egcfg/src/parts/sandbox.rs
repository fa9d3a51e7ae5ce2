//! The sandbox as the flags ask for it: its options, by the kind of programs that the tasks are, and its start.

use std::time::Duration;

use egcfg_bench::dataset::Dataset;
use egcfg_bench::eval::Environment;
use egcfg_grade::SandboxExecutor;
use egcfg_results::SandboxSettings;
use egcfg_sandbox::{Interpreter, Level, LevelChoice, Limits, Profile, Sandbox, SandboxOptions};
use egcfg_task::{Form, Task};

use crate::args::sandbox::SandboxArgs;
use crate::exit::Failure;
use crate::output::text::note;

/// Starts the sandbox as the method's executor, and says once what does not protect this machine.
pub(crate) async fn start_runner(args: &SandboxArgs) -> Result<SandboxExecutor, Failure> {
    start_sandbox(args, sandbox_options(args)).await
}

/// The flags, with the kind of programs that the tasks ask for where none was named. Where one task reads standard input,
/// all get the time, the output and the stack of such programs.
pub(crate) fn for_tasks<'a>(
    args: &SandboxArgs,
    tasks: impl IntoIterator<Item = &'a Task>,
    science: bool,
) -> SandboxArgs {
    let found = || match tasks.into_iter().any(|task| task.form == Form::Stdio) {
        _ if science => Profile::DataScience,
        true => Profile::Stdio,
        false => Profile::Plain,
    };
    SandboxArgs { profile: Some(args.profile.unwrap_or_else(found)), ..args.clone() }
}

/// What the flags ask of a sandbox.
pub(crate) fn sandbox_options(args: &SandboxArgs) -> SandboxOptions {
    let mut options = SandboxOptions {
        python: args.python.clone(),
        level: args.sandbox,
        calibrate: args.calibrate,
        limits: limits(args),
        ..SandboxOptions::of(args.profile.unwrap_or_default())
    };
    options.workers = args.workers.unwrap_or(options.workers);
    options
}

/// Starts a sandbox with these options, and says once what does not protect this machine.
pub(crate) async fn start_sandbox(
    args: &SandboxArgs,
    options: SandboxOptions,
) -> Result<SandboxExecutor, Failure> {
    let sandbox = Sandbox::start(options).await?;
    if args.sandbox == LevelChoice::Exactly(Level::None) {
        note("warning: programs run without protection (--sandbox none): they can do what this user can");
    } else if let Some(line) = shortfall(&sandbox) {
        note(&line);
    }
    Ok(SandboxExecutor::new(sandbox))
}

/// What `auto` could not have, as one line.
fn shortfall(sandbox: &Sandbox) -> Option<String> {
    let missing: Vec<_> = sandbox.missing().collect();
    let first = missing.first()?;
    let more = missing.len() - 1;
    let others = if more == 0 { String::new() } else { format!(" and {more} more") };
    Some(format!(
        "note: sandbox level {} in force; not {}: {} ({}){others}; `egcfg doctor` lists them",
        sandbox.level(),
        first.layer,
        first.name,
        first.missing.as_deref().unwrap_or_default(),
    ))
}

/// The kind's limits with what was asked for in their place.
fn limits(args: &SandboxArgs) -> Limits {
    let mut limits = args.profile.unwrap_or_default().limits();
    if let Some(timeout) = args.timeout {
        (limits.cpu, limits.idle, limits.wall) = (timeout, timeout, timeout * 2);
    }
    limits.wall = args.wall_limit.unwrap_or(limits.wall);
    limits.idle = args.idle_limit.unwrap_or(limits.idle);
    limits.memory = args.memory_limit.map_or(limits.memory, |mib| mib << 20);
    limits.threads = args.thread_limit.unwrap_or(limits.threads);
    limits.output = args.output_limit.map_or(limits.output, |kib| kib << 10);
    limits.disk = args.disk_limit.map_or(limits.disk, |mib| mib << 20);
    limits.file_size = limits.file_size.min(limits.disk);
    limits.entries = args.file_limit.unwrap_or(limits.entries);
    limits
}

/// What is asked of a sandbox, as an experiment keeps it.
pub(crate) fn sandbox_settings(
    args: &SandboxArgs,
    options: &SandboxOptions,
    environment: &Environment,
) -> SandboxSettings {
    let limits = &options.limits;
    let level = match options.level {
        LevelChoice::Auto => "auto",
        LevelChoice::Exactly(level) => level.name(),
    };
    SandboxSettings {
        profile: Some(options.profile.name().to_owned()),
        level: Some(level.to_owned()),
        wall_limit: Some(limits.wall.as_secs_f64()),
        idle_limit: Some(limits.idle.as_secs_f64()),
        thread_limit: Some(limits.threads),
        output_limit: Some(limits.output >> 10),
        disk_limit: Some(limits.disk >> 20),
        file_limit: Some(limits.entries),
        calibrate: Some(options.calibrate),
        allow_doubtful_tests: Some(args.allow_doubtful_tests),
        packages: (!environment.modules.is_empty()).then(|| environment.modules.clone()),
    }
}

/// How many programs are judged at the same time.
pub(crate) fn concurrency(jobs: Option<usize>, sandbox: &SandboxArgs) -> usize {
    let processors = || std::thread::available_parallelism().map_or(2, usize::from);
    jobs.or(sandbox.workers).unwrap_or_else(processors).max(1)
}

/// Starts the sandbox that a data set needs.
pub(crate) async fn start(
    set: &Dataset,
    args: &SandboxArgs,
    jobs: Option<usize>,
) -> Result<(SandboxExecutor, Environment), Failure> {
    let (args, mut options, environment) = needs(set.items.iter().map(|item| &item.task), args)?;
    options.workers = concurrency(jobs, &args);
    Ok((start_sandbox(&args, options).await?, environment))
}

/// What a sandbox for these tasks is started with. Data-science tasks, which are loaded in a context, get their packages,
/// memory by what is in use, and more time than others of their kind.
pub(crate) fn needs<'a>(
    tasks: impl Iterator<Item = &'a Task> + Clone,
    args: &SandboxArgs,
) -> Result<(SandboxArgs, SandboxOptions, Environment), Failure> {
    let science = tasks.clone().any(|task| !task.context.is_empty());
    let mut args = for_tasks(args, tasks, science);
    if science {
        let timeout = Duration::from_secs(60);
        args.timeout = Some(args.timeout.map_or(timeout, |asked| asked.max(timeout)));
        args.memory_limit = Some(args.memory_limit.map_or(4096, |asked| asked.max(4096)));
    }
    let mut options = sandbox_options(&args);
    let mut environment = Environment::default();
    if science {
        let python = Interpreter::find(args.python.as_deref())?;
        environment =
            Environment::of(args.python.as_deref().unwrap_or(&python.path)).map_err(Failure::sandbox)?;
        options.import_paths.clone_from(&environment.paths);
        options.preload = environment.preload();
    }
    Ok((args, options, environment))
}
