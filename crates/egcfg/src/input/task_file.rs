//! Task files: one task as TOML or JSON, or one task a line as JSON Lines. A mistake is named with its file, line and
//! field.

use std::path::Path;

use egcfg_bench::dataset::{read_tasks, task_from_parts, tasks_from_lines};
use egcfg_task::Task;

use crate::exit::Failure;
use crate::output::text::note;

/// Reads all tasks of a file; its ending tells the format. Lines that are no task are told and left out.
pub(crate) fn read(path: &Path) -> Result<Vec<Task>, Failure> {
    let list = read_tasks(path)?;
    for fault in &list.faults {
        note(&format!("warning: left out: {fault}"));
    }
    Ok(list.tasks())
}

/// Reads one task a line; `name` is for messages, and for tasks without an id.
pub(crate) fn parse_lines(name: &str, text: &str) -> Result<Vec<Task>, Failure> {
    Ok(tasks_from_lines(name, text)?.tasks())
}

/// The task of `--prompt` and `--test`.
pub(crate) fn from_flags(
    prompt: String,
    tests: Vec<String>,
    entry_point: Option<String>,
) -> Result<Task, Failure> {
    Ok(task_from_parts("command line", prompt, tests, entry_point)?)
}
