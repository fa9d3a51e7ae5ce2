//! The command line as it is typed: every command's flags, read and checked one by one, and nothing decided. What several commands
//! have in common stands once ([`model`], [`sandbox`], [`method`]); what the flags come to, together with files and defaults, is
//! decided in [`crate::settings`].

#[cfg(feature = "llama")]
pub(crate) mod btp;
pub(crate) mod compare;
pub(crate) mod convert;
pub(crate) mod data;
pub(crate) mod doctor;
pub(crate) mod foreign;
pub(crate) mod help;
pub(crate) mod lora;
pub(crate) mod method;
pub(crate) mod model;
pub(crate) mod programs;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod sandbox;
pub(crate) mod search;
pub(crate) mod serve;
pub(crate) mod solve;
pub(crate) mod submit;
pub(crate) mod values;

use clap::builder::Resettable;
use clap::{Arg, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::settings::defaults;
use crate::settings::origin::Typed;

/// Columns of help texts at most.
pub(crate) const WIDTH: usize = 100;

/// Makes a code model write programs that pass their tests.
///
/// While the model writes a Python function line by line, egcfg samples a few continuations, runs them on the task's
/// tests in a sandbox, shows the model what happened through a second prompt, and decodes the next line from a blend
/// of the two next-token distributions.
#[derive(Debug, Parser)]
#[command(
    version,
    max_term_width = WIDTH,
    disable_help_subcommand = true,
    after_help = "Exit codes: 0 solved, 1 unsolved, 2 bad usage, 3 bad input, 4 model error, 5 sandbox error, 130 interrupted"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a program that passes a task's tests
    #[command(after_help = solve::SOLVE_EXAMPLES)]
    Solve(Box<solve::SolveArgs>),
    /// Show step by step what a program does on a call
    Trace(programs::TraceArgs),
    /// Judge a program by tests, in the sandbox
    Judge(programs::JudgeArgs),
    /// Compare plain decoding, EG-CFG and best-of-N at equal tokens over a file of tasks
    Compare(Box<compare::CompareArgs>),
    /// Run an experiment: configurations x gammas x retries x tasks, next to any number of other agents
    #[command(after_help = run::RUN_EXAMPLES)]
    Run(Box<run::RunArgs>),
    /// Write the job file that starts agents on a cluster
    #[command(after_help = submit::SUBMIT_EXAMPLES)]
    Submit(submit::SubmitArgs),
    /// Report on a results folder: the four numbers, plots, and a replay of every run
    Report(report::ReportArgs),
    /// Watch a results folder while agents write to it
    Watch(report::WatchArgs),
    /// Solve a few held-out tasks with the embedded model, plain and guided side by side
    Demo(doctor::DemoArgs),
    /// Serve the model over HTTP as OpenAI does; a request that carries tests is decoded under guidance
    #[command(after_help = serve::SERVE_EXAMPLES)]
    Serve(Box<serve::ServeArgs>),
    /// Tell which interpreter, protections and model are in use here
    Doctor(doctor::DoctorArgs),
    /// Convert a checkpoint folder (safetensors) to a GGUF file
    Convert(convert::ConvertArgs),
    /// Data sets: list them, verify a file by its reference solutions
    Data(data::DataArgs),
    /// Score programs that exist: samples.jsonl, lists of lists, a results folder
    Eval(Box<data::EvalArgs>),
    /// Fine-tune a model on its own programs that were run (BTP): sample, train, rounds of both, export
    #[cfg(feature = "llama")]
    #[command(after_help = btp::BTP_EXAMPLES)]
    Btp(btp::BtpArgs),
    /// Write completions for a shell
    #[command(after_help = help::COMPLETIONS_EXAMPLES)]
    Completions(help::CompletionsArgs),
    /// Write the manual's pages
    Man(help::ManArgs),
    /// Help on a command, or on what many commands share: sandbox, model, method
    Help(help::HelpArgs),
    /// Write the page of all commands
    #[command(hide = true)]
    Reference,
}

/// Reads the command line.
pub(crate) fn parse() -> Result<(Args, Typed), clap::Error> {
    let mut command = command();
    let matches = command.try_get_matches_from_mut(foreign::translated(std::env::args_os()))?;
    let typed = Typed::new(&command, &matches);
    Args::from_arg_matches(&matches).map(|args| (args, typed)).map_err(|error| error.format(&mut command))
}

/// All commands, with the shared defaults in their help. Flags of the sandbox have one line each: what needs more words is told
/// once (see [`sandbox`]).
pub(crate) fn command() -> clap::Command {
    Args::command().mut_subcommands(|command| {
        let name = command.get_name().to_owned();
        // -1 is a number that is refused as one, not an unknown flag.
        let command = command.allow_negative_numbers(true);
        command
            .mut_args(|arg| taught(&name, arg))
            .mut_subcommands(|inner| inner.mut_args(|arg| taught(&name, arg)))
    })
}

/// An argument as the help of a command shows it.
fn taught(command: &str, arg: Arg) -> Arg {
    match arg.get_help_heading() {
        Some(heading) if heading.starts_with("Sandbox") => arg.long_help(Resettable::Reset),
        _ => with_default(command, arg),
    }
}

/// An argument of a shared group with its default in its help.
pub(crate) fn with_default(command: &str, arg: Arg) -> Arg {
    match arg.get_help_heading() {
        Some("Method" | "Model") => {
            let Some(default) = defaults::shown(command, arg.get_id().as_str()) else { return arg };
            let help = |text: &clap::builder::StyledStr| format!("{text} [default: {default}]");
            let (short, long) = (arg.get_help().map(help), arg.get_long_help().map(help));
            let arg = arg.help(short.unwrap_or_default());
            match long {
                Some(long) => arg.long_help(long),
                None => arg,
            }
        }
        _ => arg,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// All commands, those of commands too, that take arguments.
    fn each(mut see: impl FnMut(&clap::Command)) {
        let mut command = command();
        command.build();
        let mut waiting = vec![command];
        while let Some(command) = waiting.pop() {
            see(&command);
            waiting.extend(command.get_subcommands().cloned());
        }
    }

    #[test]
    fn no_two_arguments_of_a_command_share_a_name() {
        // Clap checks this in debug builds only; in others one flag silently fills both fields.
        each(|command| {
            let (mut ids, mut names) = (BTreeSet::new(), BTreeSet::new());
            for arg in command.get_arguments() {
                assert!(ids.insert(arg.get_id().clone()), "{}: {}", command.get_name(), arg.get_id());
                let long = arg.get_long().map(|long| format!("--{long}"));
                for name in long.into_iter().chain(arg.get_short().map(|short| format!("-{short}"))) {
                    assert!(names.insert(name.clone()), "{}: {name}", command.get_name());
                }
            }
        });
    }

    #[test]
    fn every_flag_shows_its_default() {
        // Without these a command does less, and nothing stands in for them.
        let nothing = [
            "prompt",
            "tests",
            "task",
            "events",
            "out",
            "session_config_json",
            "dynamic_signals_params",
            "trials_json",
            "data",
            "volumes",
            "secrets",
            "cors",
            "lora",
            "base",
            "experiences",
            "start_from",
            "gradient_tokens",
            "eval_limit",
            "pairs",
        ];
        each(|command| {
            for arg in command.get_arguments().filter(|arg| arg.get_long().is_some()) {
                let takes = arg.get_action().takes_values() && !arg.is_required_set();
                let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
                let told = !arg.get_default_values().is_empty() || help.contains("[default: ");
                assert!(
                    !takes || told || arg.is_hide_set() || nothing.contains(&arg.get_id().as_str()),
                    "{} --{}: {help}",
                    command.get_name(),
                    arg.get_long().unwrap_or_default()
                );
            }
        });
    }

    #[test]
    fn every_command_names_the_shared_default() {
        each(|command| {
            if let Some(arg) = command.get_arguments().find(|arg| arg.get_id() == "configurations") {
                let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
                assert!(help.contains(defaults::CONFIGURATION), "{}: {help}", command.get_name());
            }
        });
    }
}
