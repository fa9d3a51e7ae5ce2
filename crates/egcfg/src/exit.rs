//! Exit codes and error messages: `error: ...`, then `hint: ...` where there is something to do.

use std::io::Write as _;
use std::process::ExitCode;

use egcfg_bench::config::ConfigError;
use egcfg_bench::dataset::DatasetError;
use egcfg_bench::store::StoreError;
use egcfg_files::FileError;
use egcfg_guidance::{ExecutorError, GuidanceError};
use egcfg_model::ModelError;
use egcfg_sandbox::SandboxError;

use crate::output::text::{OutputError, note, visible};

/// The command did what was asked, and the program passes its tests.
pub(crate) const SOLVED: u8 = 0;
/// The command did what was asked, and no program passes.
pub(crate) const UNSOLVED: u8 = 1;
/// The command line does not fit (clap's code).
pub(crate) const USAGE: u8 = 2;
/// A file or a field of it cannot be used.
pub(crate) const INPUT: u8 = 3;
/// The model cannot be loaded or failed.
pub(crate) const MODEL: u8 = 4;
/// The interpreter or its sandbox cannot be had or failed.
pub(crate) const SANDBOX: u8 = 5;
/// Ctrl-C.
pub(crate) const INTERRUPTED: u8 = 130;

/// Why a command ends without a result.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
    hint: Option<String>,
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { code: USAGE, message: message.into(), hint: None }
    }

    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self { code: INPUT, message: message.into(), hint: None }
    }

    /// A file that a user named cannot be read.
    #[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
    pub(crate) fn file(error: FileError) -> Self {
        Self { code: INPUT, message: error.to_string(), hint: error.hint() }
    }

    pub(crate) fn sandbox(message: impl Into<String>) -> Self {
        Self { code: SANDBOX, message: message.into(), hint: None }
    }

    pub(crate) fn model(message: impl Into<String>) -> Self {
        Self { code: MODEL, message: message.into(), hint: None }
    }

    pub(crate) fn interrupted() -> Self {
        Self { code: INTERRUPTED, message: "interrupted".into(), hint: None }
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Prints a failure and gives its exit code.
pub(crate) fn report(failure: &Failure) -> ExitCode {
    note(&format!("error: {}", failure.message));
    if let Some(hint) = &failure.hint {
        note(&format!("hint: {hint}"));
    }
    ExitCode::from(failure.code)
}

impl From<DatasetError> for Failure {
    fn from(error: DatasetError) -> Self {
        let hint = error.hint();
        let failure = match &error {
            DatasetError::Unknown { .. } | DatasetError::Selection(_) => Self::usage(error.to_string()),
            _ => Self::input(error.to_string()),
        };
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        let hint = match &error {
            ModelError::Load { .. } => Some(
                "--model takes 'pocket' (the embedded model), a GGUF file, a folder of safetensors, user/repo of the hub, or a server: http://host:port/v1#name",
            ),
            ModelError::Unavailable { .. } | ModelError::BadReply { .. } => {
                Some("egcfg doctor --model URL tells what the server can do")
            }
            ModelError::ContextOverflow { .. } => {
                Some("shorten the prompt, lower --max-tokens, or raise --context")
            }
            _ => None,
        };
        Self { code: MODEL, message: error.to_string(), hint: hint.map(str::to_owned) }
    }
}

impl From<SandboxError> for Failure {
    fn from(error: SandboxError) -> Self {
        let code = if matches!(error, SandboxError::Option { .. }) { USAGE } else { SANDBOX };
        of_the_sandbox(code, error.to_string())
    }
}

impl From<ExecutorError> for Failure {
    fn from(error: ExecutorError) -> Self {
        of_the_sandbox(SANDBOX, error.0)
    }
}

/// The sandbox puts its hint behind the message; here it gets a line of its own.
fn of_the_sandbox(code: u8, text: String) -> Failure {
    match text.split_once(" (hint: ") {
        Some((message, hint)) => {
            Failure { code, message: message.into(), hint: Some(hint.trim_end_matches(')').into()) }
        }
        None => Failure { code, message: text, hint: None },
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let bucket = error.place.starts_with("s3://");
        let failure = Self::input(format!("failed to {error}"));
        if bucket {
            failure.hint("endpoint, region and keys come from AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
        } else {
            failure
        }
    }
}

/// Prints what is wrong with a command line, or the help or the version that was asked for, and gives the exit code.
pub(crate) fn refuse(error: &clap::Error) -> ExitCode {
    let plain = error.render().to_string();
    if visible(&plain) == plain {
        if let Err(problem) = print(error) {
            return report(&Failure::input(format!("failed to write to standard output: {problem}")));
        }
    } else {
        note(plain.trim_end());
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE))
}

/// Writes help where it was asked for, and errors, through to the end; where the reader went away there is nobody to tell.
fn print(error: &clap::Error) -> std::io::Result<()> {
    let written = error.print().and_then(|()| std::io::stdout().flush());
    written.or_else(|problem| match problem.kind() {
        std::io::ErrorKind::BrokenPipe => Ok(()),
        _ if error.use_stderr() => Ok(()),
        _ => Err(problem),
    })
}

impl From<OutputError> for Failure {
    fn from(error: OutputError) -> Self {
        Self::input(error.to_string())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::input(error.to_string())
    }
}

impl From<GuidanceError> for Failure {
    fn from(error: GuidanceError) -> Self {
        match error {
            GuidanceError::Model(error) => error.into(),
            GuidanceError::Template(error) => Self::input(error.to_string()),
            other => Self::sandbox(other.to_string()),
        }
    }
}
