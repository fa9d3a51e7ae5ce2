//! `egcfg completions` and `egcfg man`: what a shell and `man` know of the command line, made from it.

use std::path::Path;
use std::process::ExitCode;

use clap::Command;

use crate::args;
use crate::args::help::{CompletionsArgs, ManArgs};
use crate::exit::{Failure, SOLVED};
use crate::output::file::{make_folder, write_whole};
use crate::output::text::{data, note};

pub(crate) fn completions(args: &CompletionsArgs) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut args::command(), "egcfg", &mut script);
    data(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::from(SOLVED))
}

pub(crate) fn man(args: &ManArgs) -> Result<ExitCode, Failure> {
    let mut command = args::command();
    command.build();
    let Some(folder) = &args.out else {
        data(&page(&command)?)?;
        return Ok(ExitCode::from(SOLVED));
    };
    make_folder(folder)?;
    let count = write(folder, &command)?;
    note(&format!("wrote {count} pages to {}", folder.display()));
    Ok(ExitCode::from(SOLVED))
}

/// Writes the page of a command and those of its commands.
fn write(folder: &Path, command: &Command) -> Result<usize, Failure> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    let path = folder.join(format!("{name}.1"));
    write_whole(&path, &page(command)?)?;
    let inner = command.get_subcommands().filter(|inner| !inner.is_hide_set());
    inner.map(|inner| write(folder, inner)).try_fold(1, |sum, count| Ok(sum + count?))
}

/// A page; it does not depend on the environment.
fn page(command: &Command) -> Result<String, Failure> {
    let plain = command.clone().mut_args(|arg| arg.hide_env_values(true));
    let mut text = Vec::new();
    clap_mangen::Man::new(plain)
        .render(&mut text)
        .map_err(|error| Failure::input(format!("failed to make a page: {error}")))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
