//! What a training run is asked to do: the adapter's shape, the optimiser, the amount. Names and defaults are those of the
//! field (and of the flags); every value is checked in one place.

use serde::{Deserialize, Serialize};

use crate::error::TuneError;

/// A linear map of a layer that can carry an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Target {
    /// Query projection.
    #[serde(rename = "q_proj")]
    Q,
    /// Key projection.
    #[serde(rename = "k_proj")]
    K,
    /// Value projection.
    #[serde(rename = "v_proj")]
    V,
    /// Output projection of attention.
    #[serde(rename = "o_proj")]
    O,
    /// Gate of the feed-forward part.
    #[serde(rename = "gate_proj")]
    Gate,
    /// Up projection of the feed-forward part.
    #[serde(rename = "up_proj")]
    Up,
    /// Down projection of the feed-forward part.
    #[serde(rename = "down_proj")]
    Down,
}

impl Target {
    /// All seven, in the order of computation.
    pub const ALL: [Self; 7] = [Self::Q, Self::K, Self::V, Self::O, Self::Gate, Self::Up, Self::Down];

    /// The module's name in PEFT's files, such as `q_proj`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Q => "q_proj",
            Self::K => "k_proj",
            Self::V => "v_proj",
            Self::O => "o_proj",
            Self::Gate => "gate_proj",
            Self::Up => "up_proj",
            Self::Down => "down_proj",
        }
    }

    /// The module's place in a layer of PEFT's files, such as `self_attn.q_proj`.
    pub fn place(self) -> String {
        let part = if matches!(self, Self::Gate | Self::Up | Self::Down) { "mlp" } else { "self_attn" };
        format!("{part}.{}", self.name())
    }

    /// Reads `all-linear`, `attention`, or names separated by commas (`q,k,v,o` and `q_proj,...` alike).
    pub fn parse_list(text: &str) -> Result<Vec<Self>, TuneError> {
        let bad = |word: &str| TuneError::Setting {
            field: "lora-targets",
            reason: format!(
                "'{word}' is no target (hint: all-linear, attention, or some of q,k,v,o,gate,up,down)"
            ),
        };
        let mut targets = match text.trim() {
            "all-linear" | "all" => Self::ALL.to_vec(),
            "attention" => vec![Self::Q, Self::K, Self::V, Self::O],
            words => {
                let one = |word: &str| {
                    let short = word.trim().trim_end_matches("_proj");
                    let found = Self::ALL.into_iter().find(|t| t.name().trim_end_matches("_proj") == short);
                    found.ok_or_else(|| bad(word.trim()))
                };
                words.split(',').map(one).collect::<Result<_, _>>()?
            }
        };
        targets.sort_unstable();
        targets.dedup();
        Ok(targets)
    }
}

/// How the learning rate falls after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Half a cosine, to zero at the last step.
    #[default]
    Cosine,
    /// A straight line to zero.
    Linear,
    /// No fall.
    Constant,
}

/// Everything that decides what a training run computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainSettings {
    /// Rank of the adapter's two matrices.
    pub lora_r: usize,
    /// The adapter's output is multiplied by `lora_alpha / lora_r`.
    pub lora_alpha: f64,
    /// Share of the adapter's inputs that is blanked during training.
    pub lora_dropout: f64,
    /// The linear maps that carry an adapter.
    pub lora_targets: Vec<Target>,
    /// Learning rate at its highest.
    pub learning_rate: f64,
    /// How it falls.
    pub schedule: Schedule,
    /// Steps over which it rises from zero; never more than a tenth of the run (a run shorter than its warm-up never
    /// reaches its rate).
    pub warmup_steps: usize,
    /// Passes over the examples.
    pub num_epochs: usize,
    /// Examples whose gradients are computed at once.
    pub per_device_batch_size: usize,
    /// Batches per step of the optimiser.
    pub gradient_accumulation_steps: usize,
    /// Decoupled weight decay of AdamW.
    pub weight_decay: f64,
    /// The gradient's norm is cut to this.
    pub max_grad_norm: f64,
    /// Longer examples are left out, and counted.
    pub max_length: usize,
    /// Stop after this many gradient tokens, whatever is left of the epochs; `None` trains all epochs.
    pub gradient_tokens: Option<usize>,
    /// Seed of the order, the dropout and the adapter's first values.
    pub seed: u64,
    /// Processor threads; 1 is the fastest per core, and right on machines that are shared.
    pub threads: usize,
    /// Memory for activations in MiB; what does not fit is computed twice.
    pub activation_mb: usize,
    /// A checkpoint is written after every so many steps.
    pub save_every: usize,
}

impl Default for TrainSettings {
    fn default() -> Self {
        Self {
            lora_r: 16,
            lora_alpha: 32.0,
            lora_dropout: 0.05,
            lora_targets: Target::ALL.to_vec(),
            learning_rate: 2e-4,
            schedule: Schedule::Cosine,
            warmup_steps: 20,
            num_epochs: 2,
            per_device_batch_size: 4,
            gradient_accumulation_steps: 4,
            weight_decay: 0.0,
            max_grad_norm: 1.0,
            max_length: 1024,
            gradient_tokens: None,
            seed: 1,
            threads: 1,
            activation_mb: 1024,
            save_every: 1,
        }
    }
}

impl TrainSettings {
    /// Checks every range; the error names the flag.
    pub fn check(&self) -> Result<(), TuneError> {
        let bad = |field, reason: String| Err(TuneError::Setting { field, reason });
        let counts = [
            ("lora-r", self.lora_r),
            ("num-epochs", self.num_epochs),
            ("per-device-batch-size", self.per_device_batch_size),
            ("gradient-accumulation-steps", self.gradient_accumulation_steps),
            ("max-length", self.max_length),
            ("threads", self.threads),
            ("save-every", self.save_every),
        ];
        if let Some((field, _)) = counts.into_iter().find(|(_, count)| *count == 0) {
            return bad(field, "0 is too few (hint: 1 or more)".to_owned());
        }
        for (field, value, highest) in [
            ("lora-alpha", self.lora_alpha, 1e6),
            ("learning-rate", self.learning_rate, 1.0),
            ("max-grad-norm", self.max_grad_norm, 1e9),
        ] {
            if !(value > 0.0 && value <= highest) {
                return bad(field, format!("{value} is not above 0 and at most {highest}"));
            }
        }
        if !(0.0..1.0).contains(&self.lora_dropout) {
            return bad("lora-dropout", format!("{} is not at least 0 and below 1", self.lora_dropout));
        }
        if !(0.0..=1.0).contains(&self.weight_decay) {
            return bad("weight-decay", format!("{} is not between 0 and 1", self.weight_decay));
        }
        if self.lora_targets.is_empty() {
            return bad("lora-targets", "none is given (hint: all-linear)".to_owned());
        }
        Ok(())
    }

    /// Factor of the adapter's output.
    pub fn scale(&self) -> f64 {
        self.lora_alpha / self.lora_r as f64
    }

    /// Learning rate of a step (from 0) of a run of `steps`.
    pub fn rate(&self, step: usize, steps: usize) -> f64 {
        let warmup = self.warmup_steps.min(steps / 10);
        if step < warmup {
            return self.learning_rate * (step + 1) as f64 / (warmup + 1) as f64;
        }
        let done = (step - warmup) as f64 / (steps - warmup).max(1) as f64;
        self.learning_rate
            * match self.schedule {
                Schedule::Cosine => f64::midpoint(1.0, (std::f64::consts::PI * done).cos()),
                Schedule::Linear => 1.0 - done,
                Schedule::Constant => 1.0,
            }
    }
}

/// What is learned from an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// Weighted likelihood of the answer.
    #[default]
    Imitate,
    /// The divergence, token by token, from the distribution of the frozen model that has read the teacher's prompt.
    Distil,
}
