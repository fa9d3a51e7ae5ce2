//! The flags of the method, shared by every command that generates under guidance. A knob given by itself overrides the name given
//! with `--config`, which overrides what a file says, which overrides the default.
//!
//! A new knob is a field here, and a line in [`crate::settings::method`] that lays it over the configuration; its default in the
//! help comes from [`crate::settings::defaults`].

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};
use egcfg_guidance::SignalStyle;
use egcfg_task::{Config, Horizon, PromptType, Signal, Strategy, Temperature};

use super::values::{configuration, count, gamma, horizon, temperature, whole};

/// The knobs of the method.
#[derive(Debug, Clone, Default, ClapArgs)]
#[command(next_help_heading = "Method")]
pub(crate) struct MethodArgs {
    /// Configuration by its name, such as ns3t0.75d5k1_lci_ln; `run` takes several
    #[arg(id = "configurations", long = "config", value_delimiter = ',', value_name = "NAME", value_parser = configuration)]
    pub(crate) configurations: Option<Vec<Config>>,
    /// Guidance strengths, tried in order until a program passes
    #[arg(id = "gammas", long = "gamma", value_delimiter = ',', value_name = "GAMMAS", allow_negative_numbers = true,
        value_parser = gamma)]
    pub(crate) gammas: Option<Vec<f64>>,
    /// Candidates sampled per refresh
    #[arg(short = 's', long, value_name = "S", value_parser = count::<u32>)]
    pub(crate) candidates: Option<u32>,
    /// Sampling temperature of the candidates
    #[arg(short = 't', long, value_name = "T", allow_negative_numbers = true, value_parser = temperature)]
    pub(crate) temperature: Option<Temperature>,
    /// Completion horizon in lines, or inf
    #[arg(short = 'd', long, value_name = "D", allow_negative_numbers = true, value_parser = horizon)]
    pub(crate) horizon: Option<Horizon>,
    /// Refresh the signal every K completed lines
    #[arg(short = 'k', long, value_name = "K", value_parser = count::<u32>)]
    pub(crate) every: Option<u32>,
    /// Which instruction the prompt gives, where the model's file names no template of its own
    #[arg(long, value_enum, hide_short_help = true)]
    pub(crate) prompt_type: Option<PromptArg>,
    /// Run sampled candidates, or only the code so far
    #[arg(long, value_enum, hide_short_help = true)]
    pub(crate) signal: Option<SignalArg>,
    /// When the signal is refreshed: at each line, each token, or where no candidate begins like the code so far
    #[arg(long, value_enum, hide_short_help = true)]
    pub(crate) strategy: Option<StrategyArg>,
    /// Open each signal entry with what came of the candidate
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        hide_short_help = true)]
    pub(crate) outcome: Option<bool>,
    /// Show the M best earlier candidates again
    #[arg(long, value_name = "M", value_parser = whole::<u32>, hide_short_help = true)]
    pub(crate) memory: Option<u32>,
    /// A finished candidate that passes every shown test is the answer
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        hide_short_help = true)]
    pub(crate) stop_on_pass: Option<bool>,
    /// Keep and lengthen candidates that begin with the accepted line
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        hide_short_help = true)]
    pub(crate) reuse: Option<bool>,
    /// End a generation when all candidates agree over several refreshes
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        hide_short_help = true)]
    pub(crate) early_stop: Option<bool>,
    /// Keep the order of the signal's entries and append to it, so that the model reads each once
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        hide_short_help = true)]
    pub(crate) stable_block: Option<bool>,
    /// How executions are written for the model [default: the prompt template's]
    #[arg(long, value_enum, hide_short_help = true)]
    pub(crate) signal_format: Option<FormatArg>,
    /// Largest signal block in tokens [default: the prompt template's, or what the context has room for]
    #[arg(long, value_name = "TOKENS", value_parser = count::<usize>, hide_short_help = true)]
    pub(crate) signal_tokens: Option<usize>,
    /// A prompt template of your own (TOML) [default: the model file's, else the one of --prompt-type]
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub(crate) template: Option<PathBuf>,
    /// New tokens at most [default: 512, for stdin/stdout tasks 1536]
    #[arg(long, value_name = "N", value_parser = count::<usize>)]
    pub(crate) max_tokens: Option<usize>,
    /// Base seed of the candidates' draws
    #[arg(long, value_name = "SEED", value_parser = whole::<u64>)]
    pub(crate) seed: Option<u64>,
    /// One forward per token instead of drafting; the same tokens, slower
    #[arg(long, hide_short_help = true)]
    pub(crate) one_step: bool,
}

/// An instruction by its name in configuration files.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum PromptArg {
    #[value(name = "deepseek_instruct")]
    DeepseekInstruct,
    #[value(name = "long_code")]
    LongCode,
    #[value(name = "instruct")]
    Instruct,
}

impl From<PromptArg> for PromptType {
    fn from(arg: PromptArg) -> Self {
        match arg {
            PromptArg::DeepseekInstruct => Self::DeepseekInstruct,
            PromptArg::LongCode => Self::LongCode,
            PromptArg::Instruct => Self::Instruct,
        }
    }
}

/// Where executions come from.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum SignalArg {
    Candidates,
    Partial,
}

impl From<SignalArg> for Signal {
    fn from(arg: SignalArg) -> Self {
        match arg {
            SignalArg::Candidates => Self::Candidates,
            SignalArg::Partial => Self::Partial,
        }
    }
}

/// When the signal is refreshed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum StrategyArg {
    Line,
    Token,
    Prefix,
}

impl From<StrategyArg> for Strategy {
    fn from(arg: StrategyArg) -> Self {
        match arg {
            StrategyArg::Line => Self::Line,
            StrategyArg::Token => Self::Token,
            StrategyArg::Prefix => Self::PersistentPrefix,
        }
    }
}

/// How a trace is written for the model.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum FormatArg {
    Full,
    Minimal,
    Compact,
}

impl From<FormatArg> for SignalStyle {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Full => Self::Full,
            FormatArg::Minimal => Self::Minimal,
            FormatArg::Compact => Self::Compact,
        }
    }
}
