//! `egcfg run`: one agent of an experiment. Any number of them share the work through the results store.

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use egcfg_bench::config::{self, Overrides, SettleError, settle};
#[cfg(feature = "exec_eval")]
use egcfg_bench::run::ExecEvalGrader;
use egcfg_bench::run::{Agent, Grader, Options, Parts, Plan, RunError, Summary, methods};
use egcfg_bench::store::{Store, Target};
use egcfg_guidance::Template;
use egcfg_model::{LanguageModel, ModelInfo};
use egcfg_results::{Layout, template_name};
use egcfg_sandbox::Limits;
use egcfg_task::{Config, PromptType, Task};

use crate::args::method::MethodArgs;
use crate::args::model::ModelArgs;
use crate::args::run::RunArgs;
use crate::exit::{Failure, SOLVED};
use crate::input::{doubts, experiment};
use crate::output::requests::requests;
use crate::output::result::circumstances;
use crate::output::run_progress::RunProgress;
use crate::output::text::{data, note};
use crate::parts::{load_model, needs, sandbox_settings, start_sandbox};
use crate::settings::experiment::{Experiment as Resolved, resolve};
use crate::settings::{defaults, method, origin};
use crate::signals::{interrupt, or_interrupt};

pub(crate) async fn run(args: RunArgs, typed: &origin::Typed) -> Result<ExitCode, Failure> {
    let Resolved { settings, rows, warnings } = resolve(&args, typed, None)?;
    for warning in &warnings {
        note(&format!("warning: {warning}"));
    }
    let target = target(&settings)?;
    if args.dry_run {
        note(&origin::table(&rows));
        return list(&settings);
    }
    let Carried { summary, root, .. } = carry_out(&args, &settings, &target).await?;
    tell(&summary, &args, &root)?;
    complete(summary)?;
    Ok(ExitCode::from(SOLVED))
}

/// An experiment whose units are settled, as far as this agent was not interrupted.
pub(crate) struct Carried {
    pub(crate) summary: Summary,
    /// The experiment's place in its store.
    pub(crate) root: String,
    /// The data set's name.
    pub(crate) dataset: String,
    /// The model's name.
    pub(crate) model: String,
}

/// Where results go.
pub(crate) fn target(settings: &Overrides) -> Result<Target, Failure> {
    let results = settings.results.as_deref().unwrap_or("results");
    results.parse().map_err(|error: String| Failure::usage(format!("--results {error}")))
}

/// Works as one agent of an experiment until every unit is settled, or a request to stop.
pub(crate) async fn carry_out(
    args: &RunArgs,
    settings: &Overrides,
    target: &Target,
) -> Result<Carried, Failure> {
    // Until there is something to give back, a request to stop ends everything at once.
    let (agent, root) = or_interrupt(prepare(args, settings, target)).await?;
    let (dataset, model) = agent.about();
    let running = tokio::spawn(Arc::clone(&agent).run());
    tokio::pin!(running);
    let ended_or_not = tokio::select! {
        ended = &mut running => ended,
        () = interrupt() => {
            note("stopping: claims are given back (again to stop at once)");
            agent.stop();
            tokio::select! {
                ended = &mut running => ended,
                () = interrupt() => return Err(Failure::interrupted()),
            }
        }
    };
    let outcome = ended_or_not.map_err(|error| Failure::sandbox(format!("the agent stopped: {error}")))?;
    let summary = outcome.map_err(ended)?;
    Ok(Carried { summary, root, dataset, model })
}

/// Why an agent gave up.
pub(crate) fn ended(error: RunError) -> Failure {
    match error {
        RunError::Store(error) => error.into(),
        RunError::Failing { ref kind, .. } => of_kind(kind, error.to_string())
            .hint("start the command again when the cause is gone: finished units are not repeated"),
    }
}

/// Why results may not be added to a folder.
pub(crate) fn unsettled(error: SettleError) -> Failure {
    match error {
        SettleError::Store(error) => error.into(),
        SettleError::Config(error) => error.into(),
        different @ SettleError::Different { .. } => Failure::input(different.to_string())
            .hint("give the same settings to go on with it, or another --results"),
        other @ SettleError::OtherModel { .. } => Failure::input(other.to_string()).hint(
            "models are told apart by their weights: give another --results, or the model that began there",
        ),
    }
}

/// An error where the agent was interrupted or units could not be carried out.
pub(crate) fn complete(summary: Summary) -> Result<(), Failure> {
    if summary.interrupted {
        return Err(Failure::interrupted());
    }
    if summary.failed > 0 {
        let (kind, message) = summary.trouble.map_or_else(
            || (String::new(), String::new()),
            |error| (error.kind, format!(", one of them with: {}", error.message)),
        );
        let failed = summary.failed;
        return Err(of_kind(&kind, format!("{failed} units could not be carried out{message}"))
            .hint("--retry-errors tries them again"));
    }
    Ok(())
}

fn of_kind(kind: &str, message: String) -> Failure {
    match kind {
        "model" => Failure::model(message),
        "prompt" => Failure::input(message),
        _ => Failure::sandbox(message),
    }
}

/// The units, without a model or a sandbox.
fn list(settings: &Overrides) -> Result<ExitCode, Failure> {
    let (dataset, tasks) = experiment::tasks(settings)?;
    let settings = &Overrides { dataset: Some(dataset), ..settings.clone() };
    let model = settings.model.clone().unwrap_or_default();
    let experiment = config::resolve(settings, &tasks, &model, None, String::new())?;
    let plan = Plan::new(&experiment, &tasks, &methods(&experiment))?;
    let mut text = String::new();
    for unit in &plan.units {
        text += &unit.result();
        text.push('\n');
    }
    data(&text)?;
    note(&format!("{} units in {} configurations", plan.units.len(), plan.cells.len()));
    Ok(ExitCode::from(SOLVED))
}

/// Reads the tasks, starts sandbox and model, and settles the experiment in its store.
async fn prepare(
    args: &RunArgs,
    settings: &Overrides,
    target: &Target,
) -> Result<(Arc<Agent>, String), Failure> {
    let (dataset, tasks) = experiment::tasks(settings)?;
    if dataset == "tasks" {
        doubts::refuse(&tasks, args.sandbox.allow_doubtful_tests)?;
    }
    let jobs = settings.jobs.unwrap_or(1).min(1024);
    let lease = settings.lease.unwrap_or(60.0);
    if !(0.2..=86_400.0).contains(&lease) {
        return Err(Failure::usage(format!("--lease {lease} is not between 0.2 and 86400 seconds")));
    }
    let mut sandbox = args.sandbox.clone();
    if let Some(timeout) = settings.timeout {
        let timeout = Duration::try_from_secs_f64(timeout)
            .map_err(|_| Failure::usage(format!("timeout {timeout} is no number of seconds")))?;
        sandbox.timeout = Some(timeout);
    }
    sandbox.memory_limit = settings.memory_limit.or(sandbox.memory_limit);
    let (sandbox, options, environment) = needs(tasks.iter(), &sandbox)?;
    let asked = sandbox_settings(&sandbox, &options, &environment);
    let limits = options.limits.clone();
    let grader = match &settings.exec_eval {
        Some(address) => Some(grader(address, &limits, &tasks).await?),
        None => None,
    };
    let runner = start_sandbox(&sandbox, options).await?;
    let model = model(args, settings, jobs)?;
    let settings = &Overrides {
        dataset: Some(dataset),
        timeout: Some(limits.cpu.as_secs_f64()),
        memory_limit: Some(limits.memory >> 20),
        ..settings.clone()
    };
    let about = circumstances(&*model, &runner, settings.dataset.clone(), settings.seed.unwrap_or(0))?;
    let mut experiment =
        config::resolve(settings, &tasks, &about.model, about.identity.clone(), String::new())?;
    let templates = templates(args, settings, &experiment.configurations, model.info())?;
    let mut names: Vec<String> = templates.values().map(template_name).collect();
    names.sort_unstable();
    names.dedup();
    experiment.templates = names.join(", ");
    experiment.sandbox = Some(asked);
    let plan = Plan::new(&experiment, &tasks, &methods(&experiment))?;
    let store = Store::open(target)?.child(&Layout::root(&experiment.dataset, &experiment.model));
    let settled = settle(&experiment, &tasks, &store).await.map_err(unsettled)?;
    if settled.model_unknown {
        note(
            "note: the results there are from before models were told apart by their weights; only the name is the same",
        );
    }
    if settled.sandbox_unknown {
        note(
            "note: the results there are from before the sandbox's settings were kept; only the timeout and the memory limit are \
             known to be the same",
        );
    }
    let parts = Parts {
        templates,
        python: runner.python(),
        circumstances: about,
        model,
        executor: Arc::new(runner),
        grader,
    };
    let options = Options {
        jobs,
        lease: Duration::from_secs_f64(lease),
        max_attempts: args.max_attempts,
        events: settings.events.unwrap_or(true),
        retry_errors: args.retry_errors,
        ..Options::default()
    };
    let root = store.place();
    let sink = Arc::new(RunProgress::new(args.verbose));
    let agent = Arc::new(Agent::new(parts, experiment, tasks, plan, store, options, sink));
    note(&format!("agent {} on {root}", agent.id()));
    Ok((agent, root))
}

/// Connects to an ExecEval server.
#[cfg(feature = "exec_eval")]
async fn grader(address: &str, limits: &Limits, tasks: &[Task]) -> Result<Arc<dyn Grader>, Failure> {
    if let Some(reason) = ExecEvalGrader::refuses(tasks) {
        return Err(Failure::usage(format!("an ExecEval server cannot grade all tasks: {reason}"))
            .hint("leave exec_eval out: tests are then judged in the sandbox"));
    }
    let grader = ExecEvalGrader::new(address, limits.clone())?;
    grader.check().await?;
    note(&format!("graded by the ExecEval server at {address}"));
    Ok(Arc::new(grader))
}

/// There is no client in this build.
#[cfg(not(feature = "exec_eval"))]
#[expect(clippy::unused_async, reason = "the same signature as the one above")]
async fn grader(_address: &str, _limits: &Limits, _tasks: &[Task]) -> Result<Arc<dyn Grader>, Failure> {
    Err(Failure::usage("grading by an ExecEval server is not part of this build")
        .hint("build egcfg with its default features, or leave exec_eval out"))
}

fn model(args: &RunArgs, settings: &Overrides, jobs: usize) -> Result<Arc<dyn LanguageModel>, Failure> {
    load_model(&ModelArgs { model: settings.model.clone(), ..args.model.clone() }, jobs)
}

fn templates(
    args: &RunArgs,
    settings: &Overrides,
    configurations: &[Config],
    info: &ModelInfo,
) -> Result<HashMap<PromptType, Template>, Failure> {
    let template = settings.template.as_ref().map(Into::into);
    // Whether somebody chose a configuration, in the experiment's file too, decides whether the model's size may choose
    // the prompt.
    let by_default = *configurations == [method::over(&args.method, defaults::configuration())];
    let chosen = (!by_default).then(|| configurations.to_vec());
    let args = MethodArgs { template, configurations: chosen, ..args.method.clone() };
    let mut templates = HashMap::new();
    for config in configurations {
        templates.insert(config.prompt, method::template(&args, config, info)?);
    }
    Ok(templates)
}

/// What this agent did.
fn tell(summary: &Summary, args: &RunArgs, root: &str) -> Result<(), Failure> {
    let Summary { total, done, dropped, failed, solved_tasks, published, tokens, cost, interrupted, .. } =
        summary;
    if args.json {
        let object = serde_json::json!({
            "version": 1, "results": root, "units": total, "done": done, "dropped": dropped, "failed": failed,
            "solved_tasks": solved_tasks, "published": published, "tokens": tokens, "interrupted": interrupted,
            "requests": cost.requests, "requests_per_line": cost.requests_per_line(),
        });
        return Ok(data(&format!("{object}\n"))?);
    }
    let not_needed = if *dropped > 0 { format!(", {dropped} not needed") } else { String::new() };
    data(&format!(
        "{done} of {total} units done{not_needed}, {solved_tasks} tasks solved at least once; results in {root}\n"
    ))?;
    if let Some(asked) = requests(cost) {
        data(&format!("{asked} of this agent\n"))?;
    }
    Ok(())
}
