//! `egcfg solve`: a task, or several, to programs that pass their tests.

use std::process::ExitCode;
use std::time::SystemTime;

use egcfg_grade::{Outcome, SandboxExecutor, trouble};
use egcfg_guidance::{Event, EventSink, ExecutionCache, Session, Settings, Solution, Stats, Template, solve};
use egcfg_results::template_name;
use egcfg_task::Task;
use futures::StreamExt as _;

use crate::args::SolveArgs;
use crate::exit::{Failure, SOLVED, UNSOLVED};
use crate::input::{knobs, task_file};
use crate::output::event_log::EventLog;
use crate::output::progress::{Progress, View};
use crate::output::requests::requests;
use crate::output::result::{circumstances, solved};
use crate::output::text::{data, note};
use crate::parts::{for_tasks, load_model, start_runner};

/// Events go to the progress view and, where asked for, the log.
struct Watch<'a> {
    progress: Progress,
    log: Option<&'a EventLog>,
    task: &'a str,
}

impl EventSink for Watch<'_> {
    fn emit(&self, event: &Event) {
        self.progress.show(event);
        if let Some(log) = self.log {
            log.write(self.task, event);
        }
    }
}

pub(crate) async fn run(mut args: SolveArgs) -> Result<ExitCode, Failure> {
    knobs::gammas(&args.gamma)?;
    let config = knobs::config(&args.knobs, knobs::SOLVE)?;
    let tasks = read_tasks(&mut args)?;
    let log = args.events.as_deref().map(EventLog::open).transpose()?;
    let jobs = args.jobs.clamp(1, tasks.len());
    let runner = start_runner(&for_tasks(&args.sandbox, &tasks, false)).await?;
    let model = load_model(&args.model, jobs)?;
    let template = knobs::template(&args.knobs, &config, model.info())?;
    let settings = knobs::settings(&args.knobs, config, runner.python());
    let view = View::choose(args.verbose, tasks.len());

    let (mut unsolved, mut cost) = (0, Stats::default());
    let work = tasks.iter().map(|task| {
        one(task, &args, &settings, &*model, &runner, &template, view, log.as_ref(), tasks.len())
    });
    let mut results = futures::stream::iter(work).buffered(jobs);
    while let Some(result) = results.next().await {
        let (text, passed, own) = result?;
        unsolved += usize::from(!passed);
        cost += own;
        data(&text)?;
    }
    if let Some(asked) = requests(&cost) {
        note(&asked);
    }
    Ok(ExitCode::from(if unsolved == 0 { SOLVED } else { UNSOLVED }))
}

fn read_tasks(args: &mut SolveArgs) -> Result<Vec<Task>, Failure> {
    if let Some(prompt) = args.prompt.take() {
        let tests = std::mem::take(&mut args.tests);
        if tests.is_empty() {
            return Err(Failure::usage("--prompt needs at least one --test")
                .hint("such as --test 'assert f(2) == 4'"));
        }
        return Ok(vec![task_file::from_flags(prompt, tests, args.entry_point.take())?]);
    }
    if args.tasks.is_empty() {
        return Err(Failure::usage("no task given").hint("name a task file, or give --prompt and --test"));
    }
    let mut tasks = Vec::new();
    for path in &args.tasks {
        tasks.extend(task_file::read(path)?);
    }
    Ok(tasks)
}

/// Solves one task; what to print, whether it passes, and what it cost.
#[expect(clippy::too_many_arguments, reason = "the parts of a session, named once")]
async fn one(
    task: &Task,
    args: &SolveArgs,
    settings: &Settings,
    model: &dyn egcfg_model::LanguageModel,
    runner: &SandboxExecutor,
    template: &Template,
    view: View,
    log: Option<&EventLog>,
    tasks: usize,
) -> Result<(String, bool, Stats), Failure> {
    let started = SystemTime::now();
    let cache = ExecutionCache::default();
    let prefix = if tasks > 1 { task.id.as_str() } else { "" };
    let watch = Watch { progress: Progress::new(view, prefix), log, task: &task.id };
    let session = Session { model, executor: runner, template, task, cache: &cache, events: &watch };
    let solution: Solution = solve(session, settings, &args.gamma, args.retries).await?;
    let best = solution.best().ok_or_else(|| Failure::usage("no attempt was made"))?;
    if Outcome::of(&best.results, task.shown_tests.len()) == Outcome::Error
        && let Some(message) = trouble(&best.results)
    {
        return Err(Failure::sandbox(format!("task {}: the program was not judged: {message}", task.id)));
    }
    let text = if args.json {
        let about = circumstances(model, runner, None, settings.seed)?;
        let made = (settings.config.to_string(), template_name(template), started);
        solved(task, best, &solution, &about, made)
    } else if tasks > 1 {
        format!("# {}\n{}\n", task.id, best.generation.program)
    } else {
        best.generation.program.clone()
    };
    Ok((text, solution.solved(), solution.stats()))
}
