//! Everything that one guided generation is told besides its task and its model.

use egcfg_python::PythonVersion;
use egcfg_task::{Config, Form};
use serde::{Deserialize, Serialize};

/// How the tokens between two refreshes are computed. Both schedules choose the same tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Candidates are verified in one batched forward of the guided stream.
    #[default]
    Drafted,
    /// One forward per token.
    OneStep,
}

/// How an execution is written into the signal block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalStyle {
    /// Every step of the trace.
    #[default]
    Full,
    /// The state in which the task's function ended.
    Minimal,
    /// One line per test; for small models with small contexts.
    Compact,
}

/// The settings of one generation.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The method's knobs.
    pub config: Config,
    /// Guidance strength: 0 is the plain model, 1 the guided stream alone.
    pub gamma: f64,
    /// New tokens at most; `None` takes the method's 512 (1536 for stdin/stdout tasks).
    pub max_tokens: Option<usize>,
    /// Generated tokens of a generation at most, accepted and sampled; of all generations together in [`crate::solve_in_order`],
    /// whose search has limits of its own. `None` counts them only.
    pub budget: Option<usize>,
    /// Base seed of the candidates' draws.
    pub seed: u64,
    /// Which repetition this is, from 0; each draws other candidates.
    pub retry: u32,
    /// Nucleus of the candidates' sampling.
    pub top_p: f64,
    /// How tokens are computed.
    pub schedule: Schedule,
    /// Overrides the prompt template's way of writing executions.
    pub signal_style: Option<SignalStyle>,
    /// Upper bound of the signal block in tokens; `None` takes the template's, or else what the context has room for.
    pub signal_tokens: Option<usize>,
    /// The interpreter version that decides what is valid Python.
    pub python: PythonVersion,
    /// The answer opens with the entry point's definition (see [`crate::Open`], by which [`crate::solve`] decides).
    pub opened: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            config: Config::default(),
            gamma: 1.0,
            max_tokens: None,
            budget: None,
            seed: 0,
            retry: 0,
            top_p: 0.95,
            schedule: Schedule::Drafted,
            signal_style: None,
            signal_tokens: None,
            python: PythonVersion::default(),
            opened: false,
        }
    }
}

impl Settings {
    /// The limit on new tokens for a task of this form.
    pub fn max_new_tokens(&self, form: Form) -> usize {
        self.max_tokens.unwrap_or(match form {
            Form::Asserts => 512,
            Form::Stdio => 1536,
        })
    }
}
