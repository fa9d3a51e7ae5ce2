//! Tests of one's own that say nothing about a program, found before anything is generated or judged. The tests of public data sets
//! are as they are and are not asked.

use egcfg_task::{Task, Test};

/// What is wrong with the first test of a task that no wrong program can fail: which test, and why, with a hint. `None` where all
/// tests may fail.
pub fn doubtful(task: &Task) -> Option<String> {
    // A test that runs with a context of its own is judged by that.
    if !task.context.is_empty() {
        return None;
    }
    let tests = task.shown_tests.iter().chain(&task.graded_tests);
    tests.enumerate().find_map(|(index, test)| {
        let Test::Assert(source) = test else { return None };
        let doubt = egcfg_python::doubt(source, &task.entry_point, &task.setup_code)?;
        let first = source.trim().lines().next().unwrap_or_default();
        Some(format!("test {} ({first:?}) says nothing about the program: {doubt}", index + 1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(shown: &[&str], graded: &[&str]) -> Task {
        let tests =
            |sources: &[&str]| sources.iter().map(|source| Test::Assert((*source).to_owned())).collect();
        Task {
            entry_point: "f".to_owned(),
            shown_tests: tests(shown),
            graded_tests: tests(graded),
            ..Task::default()
        }
    }

    #[test]
    fn the_first_doubtful_test_is_named_with_its_reason() {
        assert_eq!(doubtful(&task(&["assert f(1) == 2"], &[])), None);
        assert_eq!(
            doubtful(&task(&["assert f(1) == 2"], &["f(2) == 3"])).unwrap(),
            "test 2 (\"f(2) == 3\") says nothing about the program: it asserts nothing: line 1 compares, and nobody looks at \
             the result (hint: write `assert f(2) == 3`)"
        );
        let stdio = Task { shown_tests: vec![Test::stdio("1", "2")], ..Task::default() };
        assert_eq!(doubtful(&stdio), None);
    }
}
