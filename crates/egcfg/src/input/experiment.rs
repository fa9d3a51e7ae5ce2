//! The tasks of an experiment.

use std::path::Path;

use egcfg_bench::config::Overrides;
use egcfg_bench::dataset::LoadOptions;
use egcfg_task::Task;

use crate::exit::Failure;
use crate::input::{dataset, task_file};

/// The data set's own name, and its tasks, cut to the wanted range.
pub(crate) fn tasks(settings: &Overrides) -> Result<(String, Vec<Task>), Failure> {
    let dataset = settings.dataset.as_deref().unwrap_or("tasks");
    let Some(data) = &settings.data else {
        return Err(Failure::usage("no data given").hint("name the tasks' file with --data"));
    };
    let (name, mut tasks) = if dataset == "tasks" {
        (dataset.to_owned(), task_file::read(Path::new(data))?)
    } else {
        let set = dataset::load(dataset, Path::new(data), &LoadOptions::default())?;
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
