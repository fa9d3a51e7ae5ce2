//! A replay as pages hold it: one step per line of code, with the candidates that were run before it, the signal, and for each
//! token what both streams thought.

use serde::Serialize;

/// A generation, step by step.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Replay {
    /// Version of the log.
    pub version: u32,
    /// Tokens of the plain prompt.
    pub prompt: usize,
    /// Steps, in order.
    pub steps: Vec<Step>,
    /// Warnings of the run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Lines of the log that could not be read.
    #[serde(skip_serializing_if = "is_zero")]
    pub skipped: usize,
    /// The log does not reach the end of the generation.
    pub cut: bool,
}

/// What happened at one line of the program.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Step {
    /// The line, from 1, counted over the answer.
    pub line: usize,
    /// Number of the refresh before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh: Option<usize>,
    /// Tokens accepted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<Token>,
    /// Candidates of the plain stream.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
    /// Candidates of the guided stream (early stop's second opinion).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub second: Vec<Candidate>,
    /// Programs run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<Run>,
    /// The signal block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<Signal>,
    /// Engine calls.
    pub forwards: usize,
    /// Choices that truncated lists left open.
    #[serde(skip_serializing_if = "is_zero")]
    pub truncated: usize,
    /// A new generation begins here (further rounds and samples of one result).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub restart: bool,
    /// Why it ended here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<String>,
    /// The program it ended with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// Verdicts on that program, by shown test.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub verdicts: Vec<Verdict>,
}

/// A token.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Token {
    /// Text.
    pub t: String,
    /// Log-probability, plain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p: Option<f32>,
    /// Log-probability, guided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub g: Option<f32>,
    /// What the plain stream would have written instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub i: Option<String>,
    /// The heads: text and log-probabilities (plain, guided, blended).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub h: Vec<Head>,
}

/// Text and log-probabilities: plain, guided, blended.
pub type Head = (String, Option<f32>, Option<f32>, Option<f32>);

/// A candidate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Candidate {
    /// Number.
    pub id: usize,
    /// Its text from the refresh on.
    pub text: String,
    /// It reached the end.
    pub finished: bool,
    /// Tokens sampled now.
    pub new: usize,
    /// Tokens kept.
    pub kept: usize,
    /// No other of this refresh has the same text.
    pub distinct: bool,
}

/// A program that was run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Run {
    /// The candidate.
    pub id: usize,
    pub program: String,
    /// Its result was looked up.
    pub cached: bool,
    /// By shown test.
    pub verdicts: Vec<Verdict>,
}

/// What came of one test.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// In words.
    pub v: String,
    /// It passed.
    pub ok: bool,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
    /// What the call returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub got: Option<String>,
}

/// The signal block.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Signal {
    pub entries: usize,
    pub tokens: usize,
    /// Lines left out.
    pub omitted: usize,
    pub text: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}
