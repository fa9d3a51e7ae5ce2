//! `egcfg data`: the list of data sets, and the check of a data file by its own reference solutions.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use egcfg_bench::dataset::{Dataset, registry};
use egcfg_bench::eval::{Environment, Failure as Found, Verification, verify};
use egcfg_grade::SandboxExecutor;
use egcfg_sandbox::{Interpreter, SandboxOptions};
use egcfg_task::Task;

use crate::args::SandboxArgs;
use crate::args_data::{DataArgs, DataCommand, ListArgs, VerifyArgs};
use crate::exit::{Failure, SANDBOX, SOLVED, UNSOLVED};
use crate::output::text::{data, note, visible};
use crate::parts::{for_tasks, sandbox_options, start_sandbox};

pub(crate) async fn run(args: DataArgs) -> Result<ExitCode, Failure> {
    match args.command {
        DataCommand::List(args) => list(&args),
        DataCommand::Verify(args) => check(*args).await,
    }
}

fn list(args: &ListArgs) -> Result<ExitCode, Failure> {
    if args.json {
        data(&(serde_json::json!(registry::all()).to_string() + "\n"))?;
        return Ok(ExitCode::from(SOLVED));
    }
    let mut text = String::new();
    for info in registry::all() {
        let _ = writeln!(text, "{}  {}, tasks: {}", info.name, info.title, info.tasks);
        let _ = writeln!(text, "    tests    {}", info.tests);
        let _ = writeln!(text, "    from     {}", info.source);
        let _ = writeln!(text, "    licence  {}", info.licence);
        let _ = writeln!(text, "    get      {}", info.get);
        for (sum, what) in info.checksums {
            let _ = writeln!(text, "    sha256   {sum}  {what}");
        }
        if !info.known_failures.is_empty() {
            let _ =
                writeln!(text, "    known    {} references fail their own tests", info.known_failures.len());
        }
        if !info.aliases.is_empty() {
            let _ = writeln!(text, "    also     {}", info.aliases.join(", "));
        }
        text.push('\n');
    }
    text.push_str("tasks  a file of your own: JSON Lines of {prompt, tests, hidden_tests, solution, ...}\n");
    data(&text)?;
    Ok(ExitCode::from(SOLVED))
}

async fn check(args: VerifyArgs) -> Result<ExitCode, Failure> {
    let set = load(&args.data.dataset, &args.data.data, &args.data.options(Some("all")))?;
    let (executor, environment) = start(&set, &args.sandbox, args.jobs).await?;
    let jobs = concurrency(args.jobs, &args.sandbox);
    let mut progress = Progress::new("references");
    let report =
        verify(&set, &executor, &environment, jobs, |done, total| progress.show(done, total)).await?;
    progress.end();
    data(&if args.json { serde_json::json!(report).to_string() + "\n" } else { visible(&table(&report)) })?;
    Ok(ExitCode::from(if report.is_clean() {
        SOLVED
    } else if report.unreadable.is_empty() && report.failures.iter().all(|failure| failure.known.is_some()) {
        SANDBOX
    } else {
        UNSOLVED
    }))
}

/// Loads a data set and says what a person should know about its file.
pub(crate) fn load(
    name: &str,
    path: &std::path::Path,
    options: &egcfg_bench::dataset::LoadOptions,
) -> Result<Dataset, Failure> {
    let set = Dataset::load(name, path, options)?;
    for warning in &set.warnings {
        note(&format!("warning: {}", visible(warning)));
    }
    Ok(set)
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

/// Progress as plain lines, a few per minute.
pub(crate) struct Progress {
    what: &'static str,
    started: Instant,
    last: Option<Instant>,
    told: (usize, usize),
    state: (usize, usize),
}

impl Progress {
    pub(crate) fn new(what: &'static str) -> Self {
        Self { what, started: Instant::now(), last: None, told: (0, 0), state: (0, 0) }
    }

    pub(crate) fn show(&mut self, done: usize, total: usize) {
        const PAUSE: Duration = Duration::from_secs(5);
        self.state = (done, total);
        if self.last.unwrap_or(self.started).elapsed() >= PAUSE {
            self.last = Some(Instant::now());
            self.tell();
        }
    }

    pub(crate) fn end(&mut self) {
        if self.told != self.state {
            self.tell();
        }
    }

    fn tell(&mut self) {
        self.told = self.state;
        let (done, total) = self.state;
        note(&format!(
            "{done} of {total} {} judged in {:.1} s",
            self.what,
            self.started.elapsed().as_secs_f64()
        ));
    }
}

fn table(report: &Verification) -> String {
    let mut text = format!(
        "{}: {} of {} reference solutions pass on Python {} in {:.1} s\n",
        report.dataset,
        report.passed,
        report.passed + report.failed + report.errors.len(),
        report.python,
        report.seconds
    );
    let mut section = |title: &str, found: &[&Found]| {
        if found.is_empty() {
            return;
        }
        let _ = writeln!(text, "\n{title}:");
        for failure in found {
            let first = |text: &str| text.lines().next().unwrap_or("").to_owned();
            let _ = writeln!(
                text,
                "  {}  {}: {}",
                failure.task,
                failure.failed.verdict,
                first(&failure.failed.test)
            );
            if let Some(error) = &failure.failed.error {
                let _ = writeln!(text, "      {}", first(error));
            }
            if let Some(known) = &failure.known {
                let _ = writeln!(text, "      known: {known}");
            }
        }
    };
    let (known, new): (Vec<&Found>, Vec<&Found>) = report.failures.iter().partition(|f| f.known.is_some());
    section("failed", &new);
    section("could not be judged", &report.errors.iter().collect::<Vec<_>>());
    section("failed as known", &known);
    if !report.known_but_passed.is_empty() {
        let _ = writeln!(text, "\nknown to fail, but passed: {}", report.known_but_passed.join(" "));
    }
    if !report.unreadable.is_empty() {
        let _ = writeln!(text, "\n{} records could not be read:", report.unreadable.len());
        for fault in &report.unreadable {
            let _ = writeln!(text, "  {fault}");
        }
    }
    for (reason, count) in &report.skipped {
        let _ = writeln!(text, "skipped: {count} ({reason})");
    }
    if report.unproven > 0 {
        let _ = writeln!(text, "unproven: {} rest on the program's own process", report.unproven);
    }
    if !report.shown_contradict.is_empty() {
        let _ = writeln!(text, "the reference fails a shown test: {}", report.shown_contradict.join(" "));
    }
    text
}
