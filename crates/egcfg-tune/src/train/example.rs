//! Training examples, the contract between sampling and every trainer: tokens of the *target* model, what is predicted and
//! with which weight. One JSON object per line; [`read_examples`] names the line and field of what does not fit.

use std::io::{BufRead, BufReader};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::settings::Objective;
use crate::error::TuneError;
use crate::files::open_named;

/// Version of the file's form, in each line.
pub const EXAMPLE_VERSION: u32 = 1;

/// One text to learn from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// Version of this form.
    pub version: u32,
    /// The task that it belongs to.
    pub task_id: String,
    /// Tokens that are read and not learned: the prompt up to the answer's first token. Never empty.
    pub prompt: Vec<u32>,
    /// Tokens that are learned: the answer with its end mark. Never empty.
    pub answer: Vec<u32>,
    /// Weight of the answer's tokens in the loss.
    pub weight: f64,
    /// For the objective `distil`: the teacher's prompt, in which the block says what candidates did. The teacher reads it
    /// and then the same answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teacher: Option<Vec<u32>>,
}

impl Example {
    /// Tokens that the longer of its two texts has.
    pub fn length(&self) -> usize {
        let teacher = self.teacher.as_ref().map_or(0, Vec::len);
        self.prompt.len().max(teacher) + self.answer.len()
    }

    /// What is wrong with it for a model with this many tokens.
    fn fault(&self, vocab: usize) -> Option<String> {
        if self.version != EXAMPLE_VERSION {
            return Some(format!("version {} (this program reads {EXAMPLE_VERSION})", self.version));
        }
        let teacher = self.teacher.as_deref();
        for (field, tokens) in
            [("prompt", Some(&self.prompt[..])), ("answer", Some(&self.answer[..])), ("teacher", teacher)]
        {
            let Some(tokens) = tokens else { continue };
            if tokens.is_empty() {
                return Some(format!("{field} is empty"));
            }
            if let Some(token) = tokens.iter().find(|token| **token as usize >= vocab) {
                return Some(format!(
                    "{field} holds token {token}, the model has {vocab} (hint: these are another model's tokens)"
                ));
            }
        }
        if !(self.weight.is_finite() && self.weight >= 0.0) {
            return Some(format!("weight {} is not a number of at least 0", self.weight));
        }
        None
    }
}

/// Reads a file of examples for a model of `vocab` tokens.
pub fn read_examples(path: &Path, vocab: usize) -> Result<Vec<Example>, TuneError> {
    let file = open_named(path)?;
    let mut examples = Vec::new();
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(|error| TuneError::file("read", path, &error))?;
        if line.trim().is_empty() {
            continue;
        }
        let bad = |reason: String| TuneError::Line { path: path.to_owned(), line: number + 1, reason };
        let example: Example = serde_json::from_str(&line).map_err(|error| bad(error.to_string()))?;
        if let Some(fault) = example.fault(vocab) {
            return Err(bad(fault));
        }
        examples.push(example);
    }
    Ok(examples)
}

/// Refuses examples without a teacher's prompt where the objective needs one.
pub(crate) fn taught(objective: Objective, examples: &[Example]) -> Result<(), TuneError> {
    let without = examples.iter().find(|example| example.teacher.is_none());
    match without.filter(|_| objective == Objective::Distil) {
        None => Ok(()),
        Some(example) => Err(TuneError::Setting {
            field: "objective",
            reason: format!("the example of task {} has no teacher's prompt", example.task_id),
        }),
    }
}

/// Examples as the lines of their file.
pub fn example_lines(examples: &[Example]) -> String {
    let line = |example: &Example| serde_json::to_string(example).unwrap_or_default() + "\n";
    examples.iter().map(line).collect()
}
