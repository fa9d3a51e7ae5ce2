//! `egcfg judge`: a verdict per test for a program that exists.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

use egcfg_files::{Bounds, Origin, read_python};
use egcfg_grade::{Extent, Outcome, grade, program, trouble};
use egcfg_task::{Task, Test};

use crate::args::programs::JudgeArgs;
use crate::exit::{Failure, SOLVED, UNSOLVED};
use crate::input::{doubts, task_file};
use crate::output::result::judged;
use crate::output::text::{data, note, show};
use crate::parts::{for_tasks, start_runner};

pub(crate) async fn run(args: JudgeArgs) -> Result<ExitCode, Failure> {
    let started = SystemTime::now();
    let source = read_program(&args.file)?;
    let mut task = read_task(&args, &source)?;
    doubts::refuse(std::slice::from_ref(&task), args.sandbox.allow_doubtful_tests)?;
    // Results are keyed by the tests that counted.
    task.shown_tests = task.grading_tests().to_vec();
    let runner = start_runner(&for_tasks(&args.sandbox, [&task], false)).await?;
    let tests = &task.shown_tests;
    let results = if args.twice {
        runner.sandbox.judge_twice(&program(&task, &source), tests).await?
    } else {
        grade(&runner, &task, &source, tests, Extent::Every).await?
    };
    if args.json {
        data(&judged(&task, &source, &results, &runner, started))?;
    } else {
        let mut text = String::new();
        for (test, result) in task.shown_tests.iter().zip(&results) {
            let labels = [(result.unproven, " (unproven)"), (result.flaky, " (flaky)")];
            let labels: String = labels.iter().filter(|(is, _)| *is).map(|(_, label)| *label).collect();
            let _ = write!(text, "{}{labels}  {}", result.verdict, first_line(test.key()));
            if let Some(error) = &result.error {
                let _ = write!(text, "\n    {}", first_line(error));
            }
            text.push('\n');
        }
        show(&text)?;
    }
    match Outcome::of(&results, tests.len()) {
        Outcome::Passed => Ok(ExitCode::from(SOLVED)),
        Outcome::Failed => Ok(ExitCode::from(UNSOLVED)),
        Outcome::Invalid => {
            note("note: a test that cannot run says nothing about the program");
            Ok(ExitCode::from(UNSOLVED))
        }
        Outcome::Error => {
            let why = trouble(&results).unwrap_or_else(|| "there is no test".to_owned());
            Err(Failure::sandbox(format!("the program was not judged: {why}")))
        }
    }
}

/// Reads a program's text.
pub(crate) fn read_program(path: &Path) -> Result<String, Failure> {
    let bounds = Bounds::from_environment().map_err(|error| Failure::usage(error.to_string()))?;
    read_python(path, Origin::Named, bounds).map_err(Failure::file)
}

fn read_task(args: &JudgeArgs, source: &str) -> Result<Task, Failure> {
    if let Some(path) = &args.task {
        let mut tasks = task_file::read(path)?;
        if tasks.len() != 1 {
            return Err(Failure::input(format!("{} holds {} tasks, not one", path.display(), tasks.len())));
        }
        return Ok(tasks.remove(0));
    }
    if args.tests.is_empty() {
        return Err(Failure::usage("no test given")
            .hint("give --test 'assert f(2) == 4', or --task with a task file"));
    }
    let tests: Vec<&str> = args.tests.iter().map(String::as_str).collect();
    let entry_point = match &args.entry_point {
        Some(name) if egcfg_python::is_name(name) => name.clone(),
        Some(name) => {
            return Err(Failure::input(format!("command line: field `entry_point`: '{name}' is not a name"))
                .hint("name the function, as in --entry-point solve"));
        }
        None => egcfg_python::entry_point_of(&tests, source).ok_or_else(|| nameless(&tests))?,
    };
    let shown_tests = args.tests.iter().cloned().map(Test::Assert).collect();
    Ok(Task { id: "command line".into(), entry_point, shown_tests, ..Task::default() })
}

/// No test names a function, perhaps because one is no Python.
fn nameless(tests: &[&str]) -> Failure {
    let version = egcfg_python::PythonVersion::default();
    let broken = tests.iter().find_map(|test| Some((egcfg_python::check(test, version).err()?, test)));
    match broken {
        Some((fault, test)) => {
            Failure::usage(format!("--test {:?} is not valid Python: {fault}", first_line(test)))
        }
        None => Failure::usage("no function name found in the tests").hint("name it with --entry-point"),
    }
}

fn first_line(text: &str) -> &str {
    text.trim().lines().next().unwrap_or("")
}
