//! The command line as it is typed.

pub(crate) mod convert;
mod report;
pub(crate) mod run;
pub(crate) mod serve;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use egcfg_guidance::SignalStyle;
use egcfg_sandbox::{LevelChoice, Profile};

use crate::args_data::{DataArgs, EvalArgs};

pub(crate) use report::{ReportArgs, ReportFormat, WatchArgs};

/// Makes a code model write programs that pass their tests.
///
/// While the model writes a Python function line by line, egcfg samples a few continuations, runs them on the task's
/// tests in a sandbox, shows the model what happened through a second prompt, and decodes the next line from a blend
/// of the two next-token distributions.
#[derive(Debug, Parser)]
#[command(
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 solved, 1 unsolved, 2 bad usage, 3 bad input, 4 model error, 5 sandbox error, 130 interrupted"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a program that passes a task's tests
    #[command(after_help = SOLVE_EXAMPLES)]
    Solve(Box<SolveArgs>),
    /// Show step by step what a program does on a call
    Trace(TraceArgs),
    /// Judge a program by tests, in the sandbox
    Judge(JudgeArgs),
    /// Compare plain decoding, EG-CFG and best-of-N at equal tokens over a file of tasks
    Compare(Box<CompareArgs>),
    /// Run an experiment: configurations x gammas x retries x tasks, next to any number of other agents
    #[command(after_help = run::RUN_EXAMPLES)]
    Run(Box<run::RunArgs>),
    /// Write the job file that starts agents on a cluster
    #[command(after_help = run::SUBMIT_EXAMPLES)]
    Submit(run::SubmitArgs),
    /// Report on a results folder: the four numbers, plots, and a replay of every run
    Report(ReportArgs),
    /// Watch a results folder while agents write to it
    Watch(WatchArgs),
    /// Solve a few held-out tasks with the embedded model, plain and guided side by side
    Demo(DemoArgs),
    /// Serve the model over HTTP as OpenAI does; a request that carries tests is decoded under guidance
    #[command(after_help = serve::SERVE_EXAMPLES)]
    Serve(Box<serve::ServeArgs>),
    /// Tell which interpreter, protections and model are in use here
    Doctor(DoctorArgs),
    /// Convert a checkpoint folder (safetensors) to a GGUF file
    Convert(convert::ConvertArgs),
    /// Data sets: list them, verify a file by its reference solutions
    Data(DataArgs),
    /// Score programs that exist: samples.jsonl, lists of lists, a results folder
    Eval(Box<EvalArgs>),
}

const SOLVE_EXAMPLES: &str = "Examples:
  egcfg solve --prompt 'keep the even numbers, then reverse the order' \\
      --test 'assert pick([1, 2, 4]) == [4, 2]' --test 'assert pick([6]) == [6]'
  egcfg solve task.toml --model ~/models/coder.gguf --gamma 0,1,3 --events log.jsonl
  egcfg solve task.json --config ns3t0.75d5k1_lci_ln --json";

/// The model.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Model")]
pub(crate) struct ModelArgs {
    /// `pocket` (the embedded model), a GGUF file, a folder of safetensors, user/repo or user/repo:QUANTISATION of the hub, or a
    /// server: http://host:port/v1#name, or `#name` for the server of OPENAI_BASE_URL
    #[arg(long, env = "EGCFG_MODEL", default_value = "pocket", value_name = "MODEL")]
    pub(crate) model: String,
    /// A file with the server's key, readable by its owner alone [default: OPENAI_API_KEY]
    #[arg(long, env = "EGCFG_KEY_FILE", value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// The model's tokenizer.json, for a server through which only text passes
    #[arg(long, value_name = "FILE")]
    pub(crate) tokenizer: Option<PathBuf>,
    /// Download nothing: a model of the hub must be in its cache already
    #[arg(long)]
    pub(crate) offline: bool,
    /// Context length in tokens [default: what the model was trained for, at most 8192]
    #[arg(long, value_name = "TOKENS")]
    pub(crate) context: Option<usize>,
    /// Tokens whose state is cached, over all tasks together
    #[arg(long, value_name = "TOKENS")]
    pub(crate) cache: Option<usize>,
    /// Threads of the model [default: by its size and this machine]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
    /// Layers on the accelerator, where one was compiled in [default: all]
    #[arg(long, value_name = "N")]
    pub(crate) gpu_layers: Option<u32>,
    /// Single-precision cache and one thread: exact to the last bit, slower
    #[arg(long)]
    pub(crate) exact: bool,
}

/// The interpreter and its limits.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Sandbox")]
pub(crate) struct SandboxArgs {
    /// The Python interpreter (CPython 3.9 or later) [default: an active virtual environment's, else python3]
    #[arg(long, env = "EGCFG_PYTHON", value_name = "FILE")]
    pub(crate) python: Option<PathBuf>,
    /// Layer of protection: auto takes the strongest up to L1 that this machine allows; L0, L1 and L2 are errors where they cannot
    /// be had; none runs programs unprotected
    #[arg(long, env = "EGCFG_SANDBOX", default_value = "auto", value_name = "LEVEL")]
    pub(crate) sandbox: LevelChoice,
    /// Kind of programs: plain, data (numpy, pandas and friends of the interpreter's environment, loaded ahead) or stdio
    /// [default: what the tasks are: stdio where they read standard input, data for DS-1000, else plain]
    #[arg(long, value_name = "KIND")]
    pub(crate) profile: Option<Profile>,
    /// Seconds of processor time, and of doing nothing, that one test may take; twice that of real time [default: by
    /// the kind of programs; plain: 5, stdio: 10, data: 30]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: Option<Duration>,
    /// Seconds of real time that one test may take
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) wall_limit: Option<Duration>,
    /// Seconds for which one test may do nothing
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) idle_limit: Option<Duration>,
    /// Memory that one program may take, in MiB [default: by the kind of programs; plain and stdio: 1024, data: 4096]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(64..=1 << 24))]
    pub(crate) memory_limit: Option<u64>,
    /// Threads that one program may have
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=4096))]
    pub(crate) thread_limit: Option<u64>,
    /// Output that one program may write, in KiB
    #[arg(long, value_name = "KIB", value_parser = clap::value_parser!(u64).range(1..=1 << 24))]
    pub(crate) output_limit: Option<u64>,
    /// Size of all files that one program may leave, in MiB
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=1 << 24))]
    pub(crate) disk_limit: Option<u64>,
    /// Files and directories that one program may leave
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1 << 24))]
    pub(crate) file_limit: Option<u64>,
    /// Give more time on a machine that is slower than the one the limits were chosen on
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "true",
        default_missing_value = "true", action = clap::ArgAction::Set)]
    pub(crate) calibrate: bool,
    /// Programs that run at the same time [default: the number of processors]
    #[arg(long, value_name = "N")]
    pub(crate) workers: Option<usize>,
}

/// The knobs of the method. A knob given by itself overrides the name given by `--config`, which overrides the
/// command's defaults.
#[derive(Debug, Clone, Default, ClapArgs)]
#[command(next_help_heading = "Method")]
pub(crate) struct KnobArgs {
    /// A configuration by its canonical name, such as ns3t0.75d5k1_lci_ln
    #[arg(long, value_name = "NAME")]
    pub(crate) config: Option<String>,
    /// Candidates sampled per refresh
    #[arg(short = 's', long, value_name = "S")]
    pub(crate) candidates: Option<u32>,
    /// Sampling temperature of the candidates
    #[arg(short = 't', long, value_name = "T")]
    pub(crate) temperature: Option<f64>,
    /// Completion horizon in lines, or inf
    #[arg(short = 'd', long, value_name = "D")]
    pub(crate) horizon: Option<String>,
    /// Refresh the signal every K completed lines
    #[arg(short = 'k', long, value_name = "K")]
    pub(crate) every: Option<u32>,
    /// Which instruction the prompt gives
    #[arg(long, value_enum)]
    pub(crate) prompt_type: Option<PromptArg>,
    /// Run sampled candidates, or only the code so far
    #[arg(long, value_enum)]
    pub(crate) signal: Option<SignalArg>,
    /// When the signal is refreshed
    #[arg(long, value_enum)]
    pub(crate) strategy: Option<StrategyArg>,
    /// Open each signal entry with what came of the candidate
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) outcome: Option<bool>,
    /// Show the M best earlier candidates again
    #[arg(long, value_name = "M")]
    pub(crate) memory: Option<u32>,
    /// A finished candidate that passes every shown test is the answer
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) stop_on_pass: Option<bool>,
    /// Keep and lengthen candidates that begin with the accepted line
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) reuse: Option<bool>,
    /// End a generation when all candidates agree over several refreshes
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) early_stop: Option<bool>,
    /// How executions are written for the model [default: the prompt template's]
    #[arg(long, value_enum)]
    pub(crate) signal_format: Option<FormatArg>,
    /// Largest signal block in tokens [default: the prompt template's, or what the context has room for]
    #[arg(long, value_name = "TOKENS")]
    pub(crate) signal_tokens: Option<usize>,
    /// A prompt template of your own (TOML)
    #[arg(long, value_name = "FILE")]
    pub(crate) template: Option<PathBuf>,
    /// New tokens at most [default: 512, for stdin/stdout tasks 1536]
    #[arg(long, value_name = "N")]
    pub(crate) max_tokens: Option<usize>,
    /// Base seed of the candidates' draws
    #[arg(long, default_value = "0")]
    pub(crate) seed: u64,
    /// One forward per token instead of drafting; the same tokens, slower
    #[arg(long)]
    pub(crate) one_step: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct SolveArgs {
    /// Task files: TOML, JSON, or JSON Lines with one task a line
    #[arg(value_name = "TASK")]
    pub(crate) tasks: Vec<PathBuf>,
    /// What the function shall do, instead of a task file
    #[arg(long, value_name = "TEXT", conflicts_with = "tasks")]
    pub(crate) prompt: Option<String>,
    /// A test of that function, such as 'assert f(2) == 4'; repeat it for more
    #[arg(long = "test", value_name = "ASSERT", requires = "prompt")]
    pub(crate) tests: Vec<String>,
    /// The function's name [default: the one that the tests call]
    #[arg(long, value_name = "NAME", requires = "prompt")]
    pub(crate) entry_point: Option<String>,
    /// Guidance strengths, tried in order until a program passes
    #[arg(
        long,
        default_value = "0,0.5,1,3",
        value_delimiter = ',',
        value_name = "GAMMAS",
        allow_negative_numbers = true
    )]
    pub(crate) gamma: Vec<f64>,
    /// Go through the strengths again this often, with other draws
    #[arg(long, default_value = "0", value_name = "N")]
    pub(crate) retries: u32,
    /// Tasks worked on at the same time
    #[arg(long, default_value = "1", value_name = "N")]
    pub(crate) jobs: usize,
    /// Append every event to this file as JSON Lines
    #[arg(long, value_name = "FILE")]
    pub(crate) events: Option<PathBuf>,
    /// Print one JSON object per task instead of the program
    #[arg(long)]
    pub(crate) json: bool,
    /// Say more: every refresh (-v), every token that guidance changed (-vv)
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    #[command(flatten)]
    pub(crate) knobs: KnobArgs,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) sandbox: SandboxArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct TraceArgs {
    /// The program
    pub(crate) file: PathBuf,
    /// The call to trace, such as 'f([1, 2])'
    #[arg(long, value_name = "CALL")]
    pub(crate) call: String,
    /// How to write the trace
    #[arg(long, value_enum, default_value = "full")]
    pub(crate) format: TraceFormat,
    /// Steps at most; a longer trace is cut and marked
    #[arg(long, default_value = "2000", value_name = "N")]
    pub(crate) steps: u32,
    /// One step per byte-code instruction as well
    #[arg(long)]
    pub(crate) instructions: bool,
    #[command(flatten)]
    pub(crate) sandbox: SandboxArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct JudgeArgs {
    /// The program
    pub(crate) file: PathBuf,
    /// A test, such as 'assert f(2) == 4'; repeat it for more
    #[arg(long = "test", value_name = "ASSERT")]
    pub(crate) tests: Vec<String>,
    /// A task file whose graded tests (or else shown tests) count
    #[arg(long, value_name = "TASK", conflicts_with = "tests")]
    pub(crate) task: Option<PathBuf>,
    /// The function that the tests call [default: found in the tests]
    #[arg(long, value_name = "NAME")]
    pub(crate) entry_point: Option<String>,
    /// Judge twice; a test whose verdicts differ is marked as flaky and does not pass
    #[arg(long)]
    pub(crate) twice: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) sandbox: SandboxArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CompareArgs {
    /// Tasks as JSON Lines
    pub(crate) tasks: PathBuf,
    /// Guidance strength
    #[arg(long, default_value = "1", allow_negative_numbers = true)]
    pub(crate) gamma: f64,
    /// Temperature of best-of-N's samples [default: the candidates']
    #[arg(long, value_name = "T")]
    pub(crate) best_of_temperature: Option<f64>,
    /// Only the first N tasks
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Tasks worked on at the same time
    #[arg(long, default_value = "2", value_name = "N")]
    pub(crate) jobs: usize,
    /// Keep a row per task in this file (JSON Lines); tasks that stand in it already are not run again
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Print one JSON object instead of the table
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) knobs: KnobArgs,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) sandbox: SandboxArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct DemoArgs {
    /// How many tasks
    #[arg(long, default_value = "6", value_name = "N")]
    pub(crate) tasks: usize,
    #[command(flatten)]
    pub(crate) sandbox: SandboxArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct DoctorArgs {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Look at the interpreter and its sandbox only, without loading a model
    #[arg(long)]
    pub(crate) sandbox_only: bool,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) sandbox: SandboxArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum PromptArg {
    #[value(name = "deepseek_instruct")]
    DeepseekInstruct,
    #[value(name = "long_code")]
    LongCode,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum SignalArg {
    Candidates,
    Partial,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum StrategyArg {
    Line,
    Token,
    Prefix,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum FormatArg {
    Full,
    Minimal,
    Compact,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum TraceFormat {
    Full,
    Minimal,
    Json,
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

fn seconds(text: &str) -> Result<Duration, String> {
    let value: f64 = text.parse().map_err(|_| "expected a number of seconds".to_owned())?;
    let fits = value > 0.0 && value <= 86_400.0;
    if fits {
        Ok(Duration::from_secs_f64(value))
    } else {
        Err("expected seconds above 0 and at most 86400".to_owned())
    }
}
