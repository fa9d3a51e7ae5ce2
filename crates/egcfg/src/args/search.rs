//! The flags of the tree of programs: which way a task is solved, and how much it may spend.

use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum};
use egcfg_guidance::{Open, Policy};

use super::values::{count, duration};

/// How tasks are solved.
#[derive(Debug, Clone, Default, ClapArgs)]
#[command(next_help_heading = "Search")]
pub(crate) struct SearchArgs {
    /// What is tried: the tree of the model's programs and then guided decoding with the failed programs in the block (auto), or one
    /// of them alone [default: auto; eg_cfg where --config or --gamma is given]
    #[arg(id = "way", long = "method", value_enum, value_name = "METHOD")]
    pub(crate) method: Option<WayArg>,
    /// Generated tokens of the tree (or of best_of) per task at most [default: 1650]
    #[arg(long, value_name = "TOKENS", value_parser = count::<usize>)]
    pub(crate) budget: Option<usize>,
    /// Time after which the tree grows no further, such as 30s [default: none]
    #[arg(long, value_name = "TIME", value_parser = duration, hide_short_help = true)]
    pub(crate) time_budget: Option<Duration>,
    /// Which program the tree grows by next [default: priority]
    #[arg(long, value_enum, hide_short_help = true)]
    pub(crate) policy: Option<PolicyArg>,
    /// Programs grown together in one batch of the engine: more are faster and cost a few tokens [default: 1]
    #[arg(long, value_name = "N", value_parser = count::<usize>, hide_short_help = true)]
    pub(crate) width: Option<usize>,
    /// Open the answer with `def NAME(`: after an answer without it (auto), always, or never [default: auto]
    #[arg(long, value_enum, hide_short_help = true)]
    pub(crate) open: Option<OpenArg>,
}

/// A way to solve a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WayArg {
    /// The tree first, then guided decoding.
    Auto,
    /// The tree alone.
    Search,
    /// Guided decoding alone.
    #[value(name = "eg_cfg")]
    EgCfg,
    /// Independent samples.
    #[value(name = "best_of")]
    BestOf,
}

/// A policy of the tree.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum PolicyArg {
    /// The most probable unexpanded beginning.
    Priority,
    /// Sampling without replacement.
    Unique,
    /// Independent draws.
    Independent,
    /// One beam search of the given width.
    Beam,
}

impl From<PolicyArg> for Policy {
    fn from(arg: PolicyArg) -> Self {
        match arg {
            PolicyArg::Priority => Self::Priority,
            PolicyArg::Unique => Self::Unique,
            PolicyArg::Independent => Self::Independent,
            PolicyArg::Beam => Self::Beam,
        }
    }
}

/// When the definition is opened.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum OpenArg {
    /// After an answer without it.
    Auto,
    /// In every attempt.
    Always,
    /// Never.
    Never,
}

impl From<OpenArg> for Open {
    fn from(arg: OpenArg) -> Self {
        match arg {
            OpenArg::Auto => Self::Auto,
            OpenArg::Always => Self::Always,
            OpenArg::Never => Self::Never,
        }
    }
}
