//! A task: what is asked, how it is tested, and which of the tests may be shown to the model.

use serde::{Deserialize, Serialize};

use crate::compare::Compare;

/// How a program of this task is called and judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Tests are Python statements (usually `assert f(..) == ..`) that run after the program.
    #[default]
    Asserts,
    /// The program's `solve()` reads standard input and prints; a test compares the output.
    Stdio,
}

/// One test of a task.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Test {
    /// A Python statement or block that raises when the program is wrong.
    Assert(String),
    /// Standard input to feed and the standard output to expect.
    Stdio {
        /// What the program reads.
        stdin: String,
        /// What it must print.
        stdout: String,
        /// How what it prints is compared with that.
        #[serde(default, skip_serializing_if = "Compare::is_exact")]
        compare: Compare,
    },
}

impl Test {
    /// A stdin/stdout test whose output is compared line by line.
    pub fn stdio(stdin: impl Into<String>, stdout: impl Into<String>) -> Self {
        Self::Stdio { stdin: stdin.into(), stdout: stdout.into(), compare: Compare::default() }
    }

    /// The name under which results are keyed: the assert's source, or the input of a stdin/stdout test.
    pub fn key(&self) -> &str {
        match self {
            Self::Assert(source) => source,
            Self::Stdio { stdin, .. } => stdin,
        }
    }

    /// As it stands in a prompt.
    pub fn in_words(&self) -> String {
        match self {
            Self::Assert(source) => source.trim_end().to_owned(),
            Self::Stdio { stdin, stdout, .. } => {
                format!("solve() reads\n{}\nand prints\n{}", stdin.trim_end(), stdout.trim_end())
            }
        }
    }
}

/// A programming task.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Task {
    /// Stable identifier; seeds derive from it.
    pub id: String,
    /// What is asked, in words.
    pub prompt: String,
    /// The function (or class) that the tests call; guidance starts when its definition does.
    pub entry_point: String,
    /// How programs are judged.
    #[serde(default)]
    pub form: Form,
    /// Tests that may stand in the prompt and whose executions make up the signal.
    pub shown_tests: Vec<Test>,
    /// Tests that decide the score; empty means the shown tests.
    #[serde(default)]
    pub graded_tests: Vec<Test>,
    /// Python that runs after the program and before each test (MBPP's `test_setup_code`).
    #[serde(default)]
    pub setup_code: String,
    /// A given header that the program must begin with (completion tasks); empty when there is none.
    #[serde(default)]
    pub header: String,
    /// Python that is loaded in place of the program, with the program's text under the name `PROGRAM` (DS-1000); empty
    /// where the program is loaded itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub context: String,
}

impl Task {
    /// The tests that decide the score: the graded ones, or the shown ones where a task has no others.
    pub fn grading_tests(&self) -> &[Test] {
        if self.graded_tests.is_empty() { &self.shown_tests } else { &self.graded_tests }
    }

    /// The name that a program must define; `None` where any code is an answer: no name is known, or the code is put into a
    /// context (DS-1000), whose functions the tests call.
    pub fn defines(&self) -> Option<&str> {
        Some(self.entry_point.as_str()).filter(|name| self.context.is_empty() && !name.is_empty())
    }
}
