//! A configuration of guided decoding: the knobs of the method, under the short letters of the field.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where the signal's executions come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Sampled continuations of the code so far (`ns`).
    #[default]
    Candidates,
    /// Only the code so far, run up to its last valid line (`p`).
    Partial,
}

/// How far a candidate is completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Horizon {
    /// This many newlines from the refresh point on; the one that ends the current line counts.
    Lines(u32),
    /// To the end of the program.
    Infinite,
}

/// Which instruction the prompt gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptType {
    /// Solved examples, then the task (`deepseek_instruct`).
    #[default]
    DeepseekInstruct,
    /// Instructions to write one small step per line (`long_code`, in names `_lci`).
    LongCode,
    /// The task and its tests and nothing else, for small chat models (`instruct`, in names `_ins`).
    Instruct,
}

impl PromptType {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::DeepseekInstruct, Self::LongCode, Self::Instruct];

    /// The name in files and on the command line; also that of the built-in template.
    pub fn name(self) -> &'static str {
        match self {
            Self::DeepseekInstruct => "deepseek_instruct",
            Self::LongCode => "long_code",
            Self::Instruct => "instruct",
        }
    }

    /// What stands for it in names of configurations and folders; nothing for the usual one.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::DeepseekInstruct => "",
            Self::LongCode => "_lci",
            Self::Instruct => "_ins",
        }
    }

    /// The prompt type of a name in files.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|prompt| prompt.name() == name)
    }
}

/// When the signal is refreshed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// At line boundaries (`ln`).
    #[default]
    Line,
    /// At every token (`tok`).
    Token,
    /// When the code so far is no longer a prefix of any candidate (`prf`).
    PersistentPrefix,
}

/// A sampling temperature: finite, above 0 and at most 100.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Temperature(f64);

impl Temperature {
    /// Checks the range; `None` when it is not a usable temperature.
    pub fn new(value: f64) -> Option<Self> {
        (value.is_finite() && value > 0.0 && value <= 100.0).then_some(Self(value))
    }

    /// The plain number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Temperature {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        Self::new(value).ok_or_else(|| format!("temperature {value} is not above 0 and at most 100"))
    }
}

impl From<Temperature> for f64 {
    fn from(value: Temperature) -> Self {
        value.0
    }
}

impl fmt::Display for Temperature {
    /// The shortest decimal that reads back as the same number, always with a decimal point: `0.75`, `1.0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = format!("{}", self.0);
        if plain.contains('.') { f.write_str(&plain) } else { write!(f, "{plain}.0") }
    }
}

/// Extensions of the published method; all off under a plain name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Switches {
    /// Signal entries open with what came of the candidate and add what was expected (suffix `o`).
    pub outcome: bool,
    /// How many of the best executed candidates are shown again (suffix `m<n>`); 0 forgets them.
    pub memory: u32,
    /// A finished candidate that passes every shown test is the answer (suffix `p`).
    pub stop_on_pass: bool,
    /// Candidates that begin with the accepted line are kept and lengthened (suffix `r`).
    pub reuse: bool,
    /// Agreement of all candidates does not end a generation (suffix `e`): its second opinion costs tokens.
    pub no_early_stop: bool,
    /// The signal's entries keep their order, and new ones are appended (suffix `s`): the model reads each entry once.
    pub stable: bool,
}

/// The knobs of one guided run, gamma apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Candidates or the partial program.
    pub signal: Signal,
    /// `s`: candidates sampled per refresh.
    pub candidates: u32,
    /// `t`: sampling temperature of the candidates.
    pub temperature: Temperature,
    /// `d`: completion horizon.
    pub horizon: Horizon,
    /// `k`: refresh every k completed lines.
    pub every: u32,
    /// Which instruction.
    pub prompt: PromptType,
    /// When to refresh.
    pub strategy: Strategy,
    /// Extensions.
    #[serde(default)]
    pub switches: Switches,
}

impl Default for Config {
    /// The published default, `ns3t0.7d3k1_ln`: smallest values of its grid.
    fn default() -> Self {
        Self {
            signal: Signal::Candidates,
            candidates: 3,
            temperature: Temperature(0.7),
            horizon: Horizon::Lines(3),
            every: 1,
            prompt: PromptType::DeepseekInstruct,
            strategy: Strategy::Line,
            switches: Switches::default(),
        }
    }
}
