//! The commands.

mod compare;
mod demo;
mod doctor;
mod judge;
pub(crate) mod run;
mod solve;
mod submit;
mod trace;

use std::process::ExitCode;

use crate::args::{Args, Command};
use crate::exit::Failure;

/// Carries out a command.
pub(crate) async fn run(args: Args) -> Result<ExitCode, Failure> {
    match args.command {
        Command::Solve(args) => solve::run(*args).await,
        Command::Trace(args) => trace::run(args).await,
        Command::Judge(args) => judge::run(args).await,
        Command::Compare(args) => compare::run(*args).await,
        Command::Run(args) => run::run(*args).await,
        Command::Submit(args) => submit::run(args),
        Command::Demo(args) => demo::run(args).await,
        Command::Doctor(args) => doctor::run(args).await,
    }
}
