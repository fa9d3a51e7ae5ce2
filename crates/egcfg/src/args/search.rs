//! The flags of the tree of programs: which way a task is solved, and how much it may spend.

use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum};
use egcfg_guidance::{Choosing, Open, Policy};

use super::values::{count, duration};

/// How tasks are solved.
#[derive(Debug, Clone, Default, ClapArgs)]
#[command(next_help_heading = "Search")]
pub(crate) struct SearchArgs {
    /// What is tried: the tree of the model's programs and then guided decoding with the failed programs in the block (auto), or one
    /// of them alone [default: auto; eg_cfg where --config or --gamma is given]
    #[arg(id = "way", long = "method", value_enum, value_name = "METHOD")]
    pub(crate) method: Option<WayArg>,
    #[command(flatten)]
    pub(crate) tree: TreeArgs,
    /// Open the answer with `def NAME(`: after an answer without it (auto), always, or never [default: auto]
    #[arg(long, value_enum, hide_short_help = true)]
    pub(crate) open: Option<OpenArg>,
}

/// The knobs of a search, named like the keys of an experiment's file.
#[derive(Debug, Clone, Default, ClapArgs)]
#[command(next_help_heading = "Search")]
pub(crate) struct TreeArgs {
    /// Generated tokens per task at most, for the tree, best_of and all others that go on until a budget is spent
    /// [default: 1650 for the tree]
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
    /// Which of several programs that pass the shown tests is the answer; all but the first let the search go on until its budget
    /// is spent [default: first]
    #[arg(long, value_enum, hide_short_help = true)]
    pub(crate) choose: Option<ChoosingArg>,
    /// What passing all shown tests adds to the log-probability of branches that leave from a program, and a share of them that
    /// share of it; for the policy priority, 0 is off [default: 4]
    #[arg(long, value_name = "BETA", allow_negative_numbers = true, value_parser = bonus, hide_short_help = true)]
    pub(crate) bonus: Option<f64>,
    /// Close beginnings whose completed part raises on every shown test [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        hide_short_help = true)]
    pub(crate) dead_ends: Option<bool>,
    /// Of two beginnings that leave the same values in the same variables on every shown test, go on from the more probable one
    /// alone; exact for the shown tests only [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        hide_short_help = true)]
    pub(crate) equal_states: Option<bool>,
}

/// A test bonus.
fn bonus(text: &str) -> Result<f64, String> {
    match text.trim().parse() {
        Ok(bonus) if (0.0..=1000.0).contains(&bonus) => Ok(bonus),
        _ => Err("expected a number from 0 to 1000".to_owned()),
    }
}

/// A way of choosing among programs that pass.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ChoosingArg {
    /// The first one found.
    First,
    /// The most probable one.
    Likely,
    /// The one whose outputs on changed arguments most probability agrees with.
    Vote,
    /// The shortest.
    Short,
}

impl From<ChoosingArg> for Choosing {
    fn from(arg: ChoosingArg) -> Self {
        match arg {
            ChoosingArg::First => Self::First,
            ChoosingArg::Likely => Self::Likely,
            ChoosingArg::Vote => Self::Vote,
            ChoosingArg::Short => Self::Short,
        }
    }
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
