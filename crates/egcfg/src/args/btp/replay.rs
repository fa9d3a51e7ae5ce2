//! How experiences are drawn: the arguments and the settings that they come to.

use clap::{Args as ClapArgs, ValueEnum};
use egcfg_tune::replay::{Draw, DrawSettings};

use super::super::values::count;

/// How experiences are drawn.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Replay")]
pub(crate) struct ReplayArgs {
    /// What makes an experience likely to be drawn
    #[arg(long, value_enum, default_value = "power")]
    pub(crate) sampling_method: DrawArg,
    /// Exponent of the priorities; 0 draws all alike
    #[arg(long, value_name = "A", default_value = "1")]
    pub(crate) sampling_alpha: f64,
    /// Share of the model's own probability in P2; the rest is the share of passed tests
    #[arg(long, value_name = "ALPHA", default_value = "0.5")]
    pub(crate) p2value_alpha: f64,
    /// Programs that pass a smaller share of their tests are never drawn
    #[arg(long, value_name = "SHARE", default_value = "0")]
    pub(crate) min_pass_rate: f64,
    /// Experiences drawn per training [default: as many as there are tasks]
    #[arg(long, value_name = "N", value_parser = count::<usize>)]
    pub(crate) draws: Option<usize>,
    /// Experiences that the buffer holds; beyond them the oldest go
    #[arg(long, value_name = "N", default_value = "10000", value_parser = count::<usize>)]
    pub(crate) buffer_size: usize,
}

impl ReplayArgs {
    pub(crate) fn settings(&self) -> DrawSettings {
        DrawSettings {
            sampling_method: match self.sampling_method {
                DrawArg::Power => Draw::Power,
                DrawArg::Rank => Draw::Rank,
                DrawArg::Uniform => Draw::Uniform,
                DrawArg::Passing => Draw::Passing,
                DrawArg::Own => Draw::Own,
            },
            sampling_alpha: self.sampling_alpha,
            p2value_alpha: self.p2value_alpha,
            min_pass_rate: self.min_pass_rate,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum DrawArg {
    /// P2 itself
    Power,
    /// One over the rank by P2
    Rank,
    /// All alike
    Uniform,
    /// Programs that pass every test, all alike
    Passing,
    /// All alike, whatever the tests said: the control
    Own,
}
