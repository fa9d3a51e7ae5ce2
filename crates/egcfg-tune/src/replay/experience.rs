//! One experience: a program that a model wrote for a task, how probable it was to the model, and what the tests said.
//! The field names are those that users of the published fork have in their files.

use serde::{Deserialize, Serialize};

/// Version of the form, in each line of a buffer.
pub const EXPERIENCE_VERSION: u32 = 1;

/// A sampled and graded program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Experience {
    /// Version of this form; 0 in files of the published fork, which has none.
    #[serde(default)]
    pub version: u32,
    /// The task's id.
    #[serde(deserialize_with = "id")]
    pub problem_id: String,
    /// What the task asks for.
    #[serde(default)]
    pub problem_text: String,
    /// The program.
    pub code: String,
    /// `exp(mean log-probability per token)` of the model that wrote it, in (0, 1].
    #[serde(deserialize_with = "probability")]
    pub possibility: f64,
    /// Passed over all graded tests, in [0, 1].
    pub pass_rate: f64,
    /// Graded tests that passed.
    #[serde(default, deserialize_with = "count")]
    pub passed_tests: usize,
    /// All graded tests.
    #[serde(default, deserialize_with = "count")]
    pub total_tests: usize,
    /// One verdict per graded test, in words (`passed`, `wrong_answer`, ...).
    #[serde(default, deserialize_with = "verdicts")]
    pub test_results: Vec<String>,
    /// Its place among the task's samples, from 0 (the most probable).
    #[serde(default, deserialize_with = "count")]
    pub beam_rank: usize,
    /// Priority at the time of sampling; a draw computes it anew with its own alpha.
    #[serde(default, deserialize_with = "number")]
    pub p2value: f64,
    /// The program's normal form, by which equal programs are known; the program itself in files that lack it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub normal_form: String,
    /// The answer as the source model's tokens, end mark included; empty in files of the fork.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<u32>,
    /// What the tokens stand for ([`crate::sample::vocabulary`]); empty where there are none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub vocabulary: String,
    /// Identity of the model that wrote it, adapters included.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// Round of sampling, from 0.
    #[serde(default, deserialize_with = "count")]
    pub iteration: usize,
}

impl Experience {
    /// What makes it equal to another one: the task and the normal form.
    pub fn key(&self) -> (&str, &str) {
        let form = if self.normal_form.is_empty() { &self.code } else { &self.normal_form };
        (&self.problem_id, form)
    }

    /// Whether all graded tests pass.
    pub fn passes(&self) -> bool {
        self.pass_rate >= 1.0
    }

    /// What is wrong with its numbers, naming the field.
    pub fn fault(&self) -> Option<String> {
        if self.version > EXPERIENCE_VERSION {
            return Some(format!(
                "version {} is newer than this program's {EXPERIENCE_VERSION}",
                self.version
            ));
        }
        if !(self.possibility > 0.0 && self.possibility <= 1.0) {
            return Some(format!("possibility {} is not above 0 and at most 1", self.possibility));
        }
        if !(0.0..=1.0).contains(&self.pass_rate) {
            return Some(format!("pass_rate {} is not between 0 and 1", self.pass_rate));
        }
        None
    }
}

/// `exp(mean log-probability)` of a program's tokens, end mark included: comparable between programs of any length.
pub fn possibility(log_probs: &[f32]) -> f64 {
    if log_probs.is_empty() {
        return f64::MIN_POSITIVE;
    }
    let sum: f64 = log_probs.iter().map(|p| f64::from(*p)).sum();
    (sum / log_probs.len() as f64).exp().clamp(f64::MIN_POSITIVE, 1.0)
}

/// `alpha * possibility + (1 - alpha) * pass_rate` (arXiv 2410.12236).
pub fn p2value(alpha: f64, possibility: f64, pass_rate: f64) -> f64 {
    alpha * possibility + (1.0 - alpha) * pass_rate
}

/// Ids are texts here and numbers in some files.
fn id<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Id {
        Text(String),
        Number(i64),
    }
    Ok(match Id::deserialize(from)? {
        Id::Text(text) => text,
        Id::Number(number) => number.to_string(),
    })
}

/// Counts are whole numbers here; other files have `8.0` or nothing.
fn count<'de, D: serde::Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    let number = Option::<f64>::deserialize(from)?.unwrap_or_default();
    if number >= 0.0 && number.fract() == 0.0 {
        return Ok(number as usize);
    }
    Err(serde::de::Error::custom(format!("{number} is no count")))
}

fn number<'de, D: serde::Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(from)?.unwrap_or_default())
}

/// The product over a long program is 0 in floating point, and means the smallest probability that there is.
fn probability<'de, D: serde::Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let number = f64::deserialize(from)?;
    Ok(if number == 0.0 { f64::MIN_POSITIVE } else { number })
}

/// Verdicts are words here; the fork has booleans or objects.
fn verdicts<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let values = Option::<Vec<serde_json::Value>>::deserialize(from)?.unwrap_or_default();
    let word = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => text,
        serde_json::Value::Bool(true) => "passed".to_owned(),
        serde_json::Value::Bool(false) => "failed".to_owned(),
        other => other.to_string(),
    };
    Ok(values.into_iter().map(word).collect())
}
