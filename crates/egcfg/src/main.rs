//! The `egcfg` command: flags as typed ([`args`]), what they come to with files and defaults ([`settings`]), the parts that are made
//! of that ([`parts`]). Inputs are read in [`input`], each command stands in a file of its own under [`commands`], and what a
//! person or a program reads is written by [`output`].

mod args;
mod commands;
mod exit;
mod input;
mod output;
mod parts;
mod settings;
mod signals;

use std::process::ExitCode;

use args::Command;

fn main() -> ExitCode {
    let (args, typed) = match args::parse() {
        Ok(parsed) => parsed,
        Err(error) => return exit::refuse(&error),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::report(&exit::Failure::sandbox(format!("failed to start: {error}"))),
    };
    // These end by themselves when asked to: they give back what they hold, answer what they began, show what they have.
    let by_itself = matches!(args.command, Command::Run(_) | Command::Serve(_) | Command::Solve(_));
    let ended = if by_itself {
        runtime.block_on(commands::run(args, &typed))
    } else {
        runtime.block_on(signals::or_interrupt(commands::run(args, &typed)))
    };
    let code = match ended {
        Ok(code) => code,
        Err(failure) => exit::report(&failure),
    };
    // A run that was interrupted must not wait for what it left behind.
    runtime.shutdown_background();
    code
}
