//! The commands.

#[cfg(feature = "llama")]
mod btp;
mod compare;
mod convert;
mod convert_adapter;
mod data;
mod demo;
mod doctor;
mod eval;
#[cfg(feature = "llama")]
mod export;
mod help;
mod judge;
mod report;
mod run;
mod serve;
mod shell;
mod solve;
mod submit;
mod trace;
mod watch;

use std::process::ExitCode;

use crate::args::{Args, Command};
use crate::exit::Failure;
use crate::settings::origin::Typed;

/// Carries out a command; `typed` knows what of it was typed.
pub(crate) async fn run(args: Args, typed: &Typed) -> Result<ExitCode, Failure> {
    match args.command {
        Command::Solve(args) => solve::run(*args).await,
        Command::Trace(args) => trace::run(args).await,
        Command::Judge(args) => judge::run(args).await,
        Command::Compare(args) => compare::run(*args, typed).await,
        Command::Run(args) => run::run(*args, typed).await,
        Command::Submit(args) => submit::run(args),
        Command::Report(args) => report::run(args).await,
        Command::Watch(args) => watch::run(args).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Serve(args) => serve::run(*args).await,
        Command::Doctor(args) => doctor::run(args).await,
        Command::Convert(args) => convert::run(args),
        Command::Data(args) => data::run(args).await,
        Command::Eval(args) => eval::run(*args).await,
        #[cfg(feature = "llama")]
        Command::Btp(args) => btp::run(args).await,
        Command::Completions(args) => shell::completions(&args),
        Command::Man(args) => shell::man(&args),
        Command::Help(args) => help::run(&args),
        Command::Reference => help::reference(),
    }
}
