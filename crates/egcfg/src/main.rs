//! The `egcfg` command: wiring only. Arguments are read in [`args`], inputs in [`input`], each command stands in a file of
//! its own under [`commands`], and what a person or a program reads is written by [`output`].

mod args;
mod args_data;
mod commands;
mod exit;
mod input;
mod output;
mod parts;
mod scripted;
mod signals;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let args = args::Args::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::report(&exit::Failure::sandbox(format!("failed to start: {error}"))),
    };
    // `run` and `serve` end by themselves when asked to: they give back what they hold, and answer what they began.
    let by_itself = matches!(args.command, args::Command::Run(_) | args::Command::Serve(_));
    let ended = if by_itself {
        runtime.block_on(commands::run(args))
    } else {
        runtime.block_on(signals::or_interrupt(commands::run(args)))
    };
    let code = match ended {
        Ok(code) => code,
        Err(failure) => exit::report(&failure),
    };
    // A run that was interrupted must not wait for what it left behind.
    runtime.shutdown_background();
    code
}
