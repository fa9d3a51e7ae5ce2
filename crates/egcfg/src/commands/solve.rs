//! `egcfg solve`: a task, or several, to programs that pass their tests.

use std::process::ExitCode;
use std::time::SystemTime;

use egcfg_grade::{Outcome, SandboxExecutor, trouble};
use egcfg_guidance::{
    Event, EventSink, ExecutionCache, Order, Session, Settings, Solution, Stats, Template, solve_in_order,
};
use egcfg_model::LanguageModel;
use egcfg_results::template_name;
use egcfg_task::Task;
use futures::StreamExt as _;

use crate::args::solve::SolveArgs;
use crate::exit::{Failure, SOLVED, UNSOLVED};
use crate::input::{doubts, task_file};
use crate::output::event_log::EventLog;
use crate::output::meter::{Meter, Steps};
use crate::output::progress::{Progress, View};
use crate::output::requests::requests;
use crate::output::result::{broken_off, circumstances, solved};
use crate::output::text::{data, note};
use crate::parts::{for_tasks, load_model, start_runner};
use crate::settings::{method, search};
use crate::signals::{interrupt, or_interrupt};

/// Events go to the progress view and, where asked for, the log.
struct Watch<'a> {
    progress: &'a Progress,
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

/// What all tasks of a command share.
struct Work<'a> {
    settings: &'a Settings,
    order: Order,
    json: bool,
    model: &'a dyn LanguageModel,
    runner: &'a SandboxExecutor,
    template: &'a Template,
    log: Option<&'a EventLog>,
    /// Whether there are several tasks, whose programs are told apart by a line above each.
    several: bool,
}

pub(crate) async fn run(args: SolveArgs) -> Result<ExitCode, Failure> {
    let (config, gammas) = (method::config(&args.method)?, method::gammas(&args.method));
    let tasks = read_tasks(&args)?;
    doubts::refuse(&tasks, args.sandbox.allow_doubtful_tests)?;
    let log = args.events.as_deref().map(EventLog::open).transpose()?;
    let jobs = args.jobs.min(tasks.len());
    // Until there is something to show, Ctrl-C ends everything at once.
    let (runner, model) = or_interrupt(async {
        let runner = start_runner(&for_tasks(&args.sandbox, &tasks, false)).await?;
        let model = load_model(&args.model, jobs)?;
        Ok((runner, model))
    })
    .await?;
    let template = method::template(&args.method, &config, model.info())?;
    let work = Work {
        settings: &method::settings(&args.method, config, runner.python()),
        order: search::order(&args.search, &args.method, gammas, args.retries),
        json: args.json,
        model: &*model,
        runner: &runner,
        template: &template,
        log: log.as_ref(),
        several: tasks.len() > 1,
    };

    let view = View::choose(args.verbose, tasks.len());
    // Those of the tasks that were begun and are not printed yet, in order.
    let begun: Vec<std::sync::OnceLock<Progress>> =
        tasks.iter().map(|_| std::sync::OnceLock::new()).collect();
    let meter = work.several.then(|| Meter::new("tasks", Steps::Things, tasks.len() as u64));
    let (mut printed, mut unsolved, mut cost) = (0, 0, Stats::default());
    let each = tasks.iter().zip(&begun).map(|(task, slot)| {
        let (work, prefix) = (&work, if work.several { task.id.as_str() } else { "" });
        async move { work.one(task, slot.get_or_init(|| Progress::new(view, prefix))).await }
    });
    let mut results = futures::stream::iter(each).buffered(jobs);
    // One for all: a signal between two tasks is not lost.
    let stop = interrupt();
    tokio::pin!(stop);
    loop {
        let next = tokio::select! {
            next = results.next() => next,
            () = &mut stop => {
                drop(results);
                for (task, slot) in tasks.iter().zip(&begun).skip(printed) {
                    work.break_off(task, slot.get())?;
                }
                return Err(Failure::interrupted());
            }
        };
        let Some(result) = next else { break };
        let (text, passed, own) = result?;
        printed += 1;
        unsolved += usize::from(!passed);
        cost += own;
        if let Some(meter) = &meter {
            meter.say(&format!("{} solved", printed - unsolved));
            meter.step();
        }
        data(&text)?;
    }
    drop(results);
    if let Some(asked) = requests(&cost) {
        note(&asked);
    }
    if let Some(log) = &log {
        log.finish()?;
    }
    Ok(ExitCode::from(if unsolved == 0 { SOLVED } else { UNSOLVED }))
}

fn read_tasks(args: &SolveArgs) -> Result<Vec<Task>, Failure> {
    if let Some(prompt) = &args.prompt {
        if args.tests.is_empty() {
            return Err(Failure::usage("--prompt needs at least one --test")
                .hint("such as --test 'assert f(2) == 4'"));
        }
        let (tests, entry_point) = (args.tests.clone(), args.entry_point.clone());
        return Ok(vec![task_file::from_flags(prompt.clone(), tests, entry_point)?]);
    }
    if args.tasks.is_empty() {
        return Err(Failure::usage("no task given").hint("name a task file, or give --prompt and --test"));
    }
    for (flag, given) in [("--test", !args.tests.is_empty()), ("--entry-point", args.entry_point.is_some())] {
        if given {
            return Err(Failure::usage(format!("{flag} belongs to --prompt, not to a task file"))
                .hint("write it into the task file, or give --prompt instead of the file"));
        }
    }
    let mut tasks = Vec::new();
    for path in &args.tasks {
        tasks.extend(task_file::read(path)?);
    }
    Ok(tasks)
}

impl Work<'_> {
    /// Solves one task; what to print, whether it passes, and what it cost.
    async fn one(&self, task: &Task, progress: &Progress) -> Result<(String, bool, Stats), Failure> {
        let started = SystemTime::now();
        let cache = ExecutionCache::default();
        let watch = Watch { progress, log: self.log, task: &task.id };
        let session = Session {
            model: self.model,
            executor: self.runner,
            template: self.template,
            task,
            cache: &cache,
            events: &watch,
        };
        let solution: Solution = solve_in_order(session, self.settings, &self.order).await?;
        progress.end();
        let best = solution.best().ok_or_else(|| Failure::usage("no attempt was made"))?;
        if Outcome::of(&best.results, task.shown_tests.len()) == Outcome::Error
            && let Some(message) = trouble(&best.results)
        {
            return Err(Failure::sandbox(format!("task {}: the program was not judged: {message}", task.id)));
        }
        let text = if self.json {
            let about = circumstances(self.model, self.runner, None, self.settings.seed)?;
            let made = (self.settings.config.to_string(), template_name(self.template), started);
            solved(task, best, &solution, &about, made)
        } else {
            self.program(task, &best.generation.program)
        };
        Ok((text, solution.solved(), solution.stats()))
    }

    /// Prints the best program so far of a task that was begun.
    fn break_off(&self, task: &Task, progress: Option<&Progress>) -> Result<(), Failure> {
        let Some(progress) = progress else { return Ok(()) };
        progress.end();
        let Some(best) = progress.best() else {
            note(&format!("{}: no program was run yet", task.id));
            return Ok(());
        };
        let (passes, tests) = (best.passes(), best.results.len());
        note(&format!("{}: the best program so far passes {passes} of {tests} tests", task.id));
        data(&if self.json { broken_off(task, &best) } else { self.program(task, &best.program) })?;
        Ok(())
    }

    /// A program, under its task's name where there are several.
    fn program(&self, task: &Task, program: &str) -> String {
        if self.several { format!("# {}\n{program}\n", task.id) } else { program.to_owned() }
    }
}
