//! How an adapter is trained: the arguments and the settings that they come to.

use clap::{Args as ClapArgs, ValueEnum};
use egcfg_tune::train::{Objective, Schedule, Target, TrainSettings};

use super::super::values::count;
use super::trainer::TrainerArgs;

/// How an adapter is trained.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Training")]
pub(crate) struct TrainingArgs {
    /// Rank of the adapter
    #[arg(long, value_name = "R", default_value = "16", value_parser = count::<usize>)]
    pub(crate) lora_r: usize,
    /// The adapter's part counts alpha / r times [default: twice the rank]
    #[arg(long, value_name = "ALPHA")]
    pub(crate) lora_alpha: Option<f64>,
    /// Share of the adapter's inputs that is blanked in training
    #[arg(long, value_name = "SHARE", default_value = "0.05")]
    pub(crate) lora_dropout: f64,
    /// Maps that carry an adapter: all-linear, attention, or some of q,k,v,o,gate,up,down
    #[arg(long, value_name = "MAPS", default_value = "all-linear", hide_short_help = true)]
    pub(crate) lora_targets: String,
    /// Highest learning rate
    #[arg(long, value_name = "RATE", default_value = "2e-4")]
    pub(crate) learning_rate: f64,
    /// How the rate falls
    #[arg(long, value_enum, default_value = "cosine", hide_short_help = true)]
    pub(crate) schedule: ScheduleArg,
    /// Steps over which the rate rises; at most a tenth of the run
    #[arg(long, value_name = "N", default_value = "20", hide_short_help = true)]
    pub(crate) warmup_steps: usize,
    /// Passes over the drawn experiences
    #[arg(long, value_name = "N", default_value = "2", value_parser = count::<usize>)]
    pub(crate) num_epochs: usize,
    /// Train on this many answer tokens instead, however many passes they are
    #[arg(long, value_name = "N", value_parser = count::<usize>)]
    pub(crate) gradient_tokens: Option<usize>,
    /// Programs whose gradients are computed at once
    #[arg(long, value_name = "N", default_value = "4", value_parser = count::<usize>, hide_short_help = true)]
    pub(crate) per_device_batch_size: usize,
    /// Batches per step of the optimiser
    #[arg(long, value_name = "N", default_value = "4", value_parser = count::<usize>, hide_short_help = true)]
    pub(crate) gradient_accumulation_steps: usize,
    /// Longer texts are left out, in tokens
    #[arg(long, value_name = "N", default_value = "1024", value_parser = count::<usize>, hide_short_help = true)]
    pub(crate) max_length: usize,
    /// What is learned: the drawn programs, or what the model would say of them after it has read what its failed programs did
    #[arg(long, value_enum, default_value = "imitate")]
    pub(crate) objective: ObjectiveArg,
    #[command(flatten)]
    pub(crate) trainer: TrainerArgs,
    /// Threads of the trainer
    #[arg(long, value_name = "N", default_value = "1", value_parser = count::<usize>)]
    pub(crate) train_threads: usize,
}

impl TrainingArgs {
    pub(crate) fn settings(&self, seed: u64) -> Result<TrainSettings, egcfg_tune::TuneError> {
        let settings = TrainSettings {
            lora_r: self.lora_r,
            lora_alpha: self.lora_alpha.unwrap_or(2.0 * self.lora_r as f64),
            lora_dropout: self.lora_dropout,
            lora_targets: Target::parse_list(&self.lora_targets)?,
            learning_rate: self.learning_rate,
            schedule: match self.schedule {
                ScheduleArg::Cosine => Schedule::Cosine,
                ScheduleArg::Linear => Schedule::Linear,
                ScheduleArg::Constant => Schedule::Constant,
            },
            warmup_steps: self.warmup_steps,
            num_epochs: self.num_epochs,
            gradient_tokens: self.gradient_tokens,
            per_device_batch_size: self.per_device_batch_size,
            gradient_accumulation_steps: self.gradient_accumulation_steps,
            max_length: self.max_length,
            threads: self.train_threads,
            seed,
            ..TrainSettings::default()
        };
        settings.check()?;
        Ok(settings)
    }
}

/// What is learned from an experience.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ObjectiveArg {
    /// The likelihood of the program.
    Imitate,
    /// Token by token, the distribution of the model under a block of its failed programs.
    Distil,
}

impl From<ObjectiveArg> for Objective {
    fn from(arg: ObjectiveArg) -> Self {
        match arg {
            ObjectiveArg::Imitate => Self::Imitate,
            ObjectiveArg::Distil => Self::Distil,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ScheduleArg {
    Cosine,
    Linear,
    Constant,
}
