//! Experiences in other trainers' forms. A prompt is the task's text with its shown tests.

use std::process::ExitCode;

use egcfg_task::{Task, Test};
use egcfg_tune::export::{Prompts, export};
use egcfg_tune::replay::Experience;

use super::{read_experiences, training};
use crate::args::btp::BtpExportArgs;
use crate::exit::{Failure, SOLVED};
use crate::input::dataset::load;
use crate::output::file::{make_folder, write_whole};
use crate::output::text::{note, show};

pub(super) fn run(args: &BtpExportArgs) -> Result<ExitCode, Failure> {
    let set = load(&args.from.data.dataset, &args.from.data.data, &training(&args.from.data))?;
    let tasks = set.tasks();
    let buffer = read_experiences(&args.from.experiences, &tasks, usize::MAX)?;
    let prompts: Prompts = tasks.iter().map(|task| (task.id.clone(), prompt(task))).collect();
    let entries: Vec<&Experience> = buffer.entries().collect();
    let made = export(args.form, &entries, &prompts);
    if made.unknown > 0 {
        note(&format!("warning: {} experiences are of tasks that are not selected", made.unknown));
    }
    if made.records == 0 {
        let reason = format!("none of {} experiences makes a record of this form", entries.len());
        return Err(Failure::input(reason)
            .hint("preference needs a program that passes and one that fails for one task; the other forms of a passing one"));
    }
    make_folder(&args.output_dir)?;
    for (name, text) in &made.files {
        write_whole(&args.output_dir.join(name), text)?;
    }
    show(&format!("{} records of {} experiences\n", made.records, entries.len()))?;
    Ok(ExitCode::from(SOLVED))
}

/// What a person would ask for.
fn prompt(task: &Task) -> String {
    let mut text = task.prompt.trim_end().to_owned();
    let tests: Vec<&str> = task
        .shown_tests
        .iter()
        .filter_map(|test| match test {
            Test::Assert(source) => Some(source.as_str()),
            Test::Stdio { .. } => None,
        })
        .collect();
    if !tests.is_empty() {
        text += "\n\nThe program must pass these tests:\n";
        text += &tests.join("\n");
    }
    text
}
