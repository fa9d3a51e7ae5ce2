//! Errors of the infrastructure. What a program does wrong is a verdict, never one of these.

use std::path::PathBuf;

/// Why no sandbox could be had.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// No interpreter was named and none was found.
    #[error("no python3 on PATH (hint: install CPython 3.9 or later, or name one with --python)")]
    NoInterpreter,
    /// The interpreter could not be started or did not answer.
    #[error("{path}: not a usable Python interpreter: {reason} (hint: CPython 3.9 or later is needed)")]
    BadInterpreter {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// The interpreter is too old.
    #[error("{path}: Python {version} is too old (hint: CPython 3.9 or later is needed)")]
    OldInterpreter {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: String,
    },
    /// The warm interpreter died or could not be started.
    #[error("the warm interpreter failed: {0}")]
    Zygote(String),
    /// A child could not be made.
    #[error("no process for the program: {0} (hint: check the user's process limit and free memory)")]
    Spawn(String),
    /// A required protection is not in force here.
    #[error("required protection {name} is not in force: {reason} (hint: `egcfg doctor` lists what is)")]
    Unprotected {
        /// The protection.
        name: String,
        /// Why not.
        reason: String,
    },
    /// A required layer of protection cannot be had here.
    #[error(
        "sandbox level {wanted} cannot be had here: {name}: {reason} (hint: `egcfg doctor` lists what is in force; \
         `--sandbox auto` takes the strongest level that this machine allows, `--sandbox none` runs unprotected)"
    )]
    Level {
        /// The layer's name.
        wanted: &'static str,
        /// The first protection of it that is not in force.
        name: &'static str,
        /// Why not.
        reason: String,
    },
    /// The work directories could not be made.
    #[error("{path}: cannot be used for work directories: {source} (hint: set TMPDIR)")]
    WorkDirectory {
        /// The directory.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The sandbox's own processes said something that they never say.
    #[error("the sandbox broke its own protocol: {0}")]
    Protocol(String),
    /// The judge on another machine cannot be used.
    #[error("{server}: {reason} (hint: is an ExecEval server running there?)")]
    Remote {
        /// Its address.
        server: String,
        /// What went wrong.
        reason: String,
    },
    /// An option has a value that cannot work.
    #[error("{field}: {reason}")]
    Option {
        /// The field of [`crate::SandboxOptions`].
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}
