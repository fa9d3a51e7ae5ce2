//! `egcfg data`: the list of data sets, and the check of a data file by its own reference solutions.

use std::fmt::Write as _;
use std::process::ExitCode;

use egcfg_bench::dataset::registry;
use egcfg_bench::eval::{Failure as Found, Verification, verify};

use crate::args::data::{DataArgs, DataCommand, ListArgs, VerifyArgs};
use crate::exit::{Failure, SANDBOX, SOLVED, UNSOLVED};
use crate::input::dataset::load;
use crate::input::doubts;
use crate::output::meter::{Meter, Steps};
use crate::output::text::{data, show};
use crate::parts::{concurrency, start};

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
    show(&text)?;
    Ok(ExitCode::from(SOLVED))
}

async fn check(args: VerifyArgs) -> Result<ExitCode, Failure> {
    let set = load(&args.data.dataset, &args.data.data, &args.data.options(Some("all")))?;
    doubts::refuse_own(&set, args.sandbox.allow_doubtful_tests)?;
    let (executor, environment) = start(&set, &args.sandbox, args.jobs).await?;
    let jobs = concurrency(args.jobs, &args.sandbox);
    let meter = Meter::new("references", Steps::Things, set.items.len() as u64);
    let told = |done, total| meter.at(done as u64, total as u64);
    let report = verify(&set, &executor, &environment, jobs, told).await?;
    meter.end();
    if args.json {
        data(&(serde_json::json!(report).to_string() + "\n"))?;
    } else {
        show(&table(&report))?;
    }
    Ok(ExitCode::from(if report.is_clean() {
        SOLVED
    } else if report.unreadable.is_empty() && report.failures.iter().all(|failure| failure.known.is_some()) {
        SANDBOX
    } else {
        UNSOLVED
    }))
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
