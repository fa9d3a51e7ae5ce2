//! What a reader of results wants to know of a task: its prompt and tests, as one line of `tasks.jsonl` beside the
//! experiment. Graded tests are left out where there are many; results name them all the same.

use egcfg_task::{Form, Task, Test};
use serde::{Deserialize, Serialize};

/// Bytes of graded tests that a card takes along.
const ROOM: usize = 4096;

/// A task, for people.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskCard {
    /// The task's id.
    pub id: String,
    /// What is asked.
    pub prompt: String,
    /// The function's name; empty for programs that read standard input.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub entry_point: String,
    /// Tests that the method may see, as people read them.
    pub shown_tests: Vec<String>,
    /// Tests that decide, where they are others than the shown ones and few enough.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub graded_tests: Vec<String>,
    /// How many tests decide.
    pub graded: usize,
}

impl TaskCard {
    /// The card of a task.
    pub fn of(task: &Task) -> Self {
        let graded: Vec<String> = task.graded_tests.iter().map(words).collect();
        let small = graded.iter().map(String::len).sum::<usize>() <= ROOM;
        Self {
            id: task.id.clone(),
            prompt: task.prompt.clone(),
            entry_point: if task.form == Form::Stdio { String::new() } else { task.entry_point.clone() },
            shown_tests: task.shown_tests.iter().map(words).collect(),
            graded_tests: if small { graded } else { Vec::new() },
            graded: task.grading_tests().len(),
        }
    }

    /// All cards, one a line.
    pub fn lines(tasks: &[Task]) -> String {
        let line = |task: &Task| serde_json::to_string(&Self::of(task)).unwrap_or_default() + "\n";
        tasks.iter().map(line).collect()
    }

    /// Cards of such a text; a line that is none is left out.
    pub fn parse(text: &str) -> Vec<Self> {
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

/// A test as people read it.
fn words(test: &Test) -> String {
    match test {
        Test::Assert(text) => text.clone(),
        Test::Stdio { stdin, stdout, .. } => format!("input:\n{stdin}\noutput:\n{stdout}"),
    }
}
