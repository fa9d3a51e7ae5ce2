//! Refuses tests that no wrong program can fail, for tasks that a person has written.

use egcfg_bench::dataset::Dataset;
use egcfg_grade::doubtful;
use egcfg_task::Task;

use crate::exit::Failure;

/// An error that names the first such test of the tasks; nothing where they are allowed.
pub(crate) fn refuse(tasks: &[Task], allowed: bool) -> Result<(), Failure> {
    if allowed {
        return Ok(());
    }
    match tasks.iter().find_map(|task| Some((task, doubtful(task)?))) {
        Some((task, doubt)) => Err(Failure::input(format!("task {}: {doubt}", task.id))
            .hint("--allow-doubtful-tests takes the tests as they are")),
        None => Ok(()),
    }
}

/// The same for a data set; published ones are taken as they are.
pub(crate) fn refuse_own(set: &Dataset, allowed: bool) -> Result<(), Failure> {
    if set.info.is_some() { Ok(()) } else { refuse(&set.tasks(), allowed) }
}
