//! Which experiments there are, and how large they are.

use serde::{Deserialize, Serialize};

/// How much is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Small, in minutes on the embedded model.
    Quick,
    /// For numbers that are to be believed.
    Full,
}

/// One of the five experiments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// The untrained model: greedy, the tree, guided decoding.
    Baseline,
    /// Rounds of sampling and training.
    Btp,
    /// What of it matters: the draw, P2's alpha, the buffer.
    Ablation,
    /// P2's alpha, the number of programs, the temperature, ranked by held-out tasks solved.
    Hyperparameter,
    /// One model writes the programs, another learns from them.
    LargeToSmall,
}

impl Step {
    /// All five, in the order in which they are carried out.
    pub const ALL: [Self; 5] =
        [Self::Baseline, Self::Btp, Self::Ablation, Self::Hyperparameter, Self::LargeToSmall];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Btp => "btp",
            Self::Ablation => "ablation",
            Self::Hyperparameter => "hyperparameter",
            Self::LargeToSmall => "large-to-small",
        }
    }
}

/// The amounts of a mode.
#[derive(Debug, Clone, PartialEq)]
pub struct Size {
    /// Training tasks at most.
    pub train_tasks: Option<usize>,
    /// Held-out tasks of each set at most.
    pub held_tasks: Option<usize>,
    /// Trainings of each arm, with other draws.
    pub seeds: usize,
    /// The same for the hyper-parameters, which are ranked and not compared.
    pub ranking_seeds: usize,
    /// Answer tokens that every training learns from.
    pub gradient_tokens: usize,
    /// Rounds of the experiment `btp`.
    pub rounds: usize,
    /// Buffer sizes to compare with the default one.
    pub buffers: Vec<usize>,
}

impl Size {
    /// The amounts of a mode.
    pub fn of(mode: Mode) -> Self {
        match mode {
            Mode::Quick => Self {
                train_tasks: Some(100),
                held_tasks: Some(100),
                seeds: 3,
                ranking_seeds: 1,
                gradient_tokens: 4000,
                rounds: 2,
                // Small enough to bind: 100 tasks give some 400 programs.
                buffers: vec![100],
            },
            Mode::Full => Self {
                train_tasks: None,
                held_tasks: None,
                seeds: 3,
                ranking_seeds: 3,
                gradient_tokens: 40_000,
                rounds: 3,
                buffers: vec![1000, 5000],
            },
        }
    }
}
