//! `egcfg help`: a command's help, or a topic that many commands share and that each would otherwise tell at full length; and the
//! page of all commands, from which `docs/cli.md` is made.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{Args as _, Command};

use crate::args;
use crate::args::help::HelpArgs;
use crate::args::method::MethodArgs;
use crate::args::model::ModelArgs;
use crate::args::sandbox::SandboxArgs;
use crate::exit::{Failure, SOLVED};
use crate::output::text::{data, show};

/// Topics, with what stands above their flags.
const TOPICS: [(&str, &str); 3] = [
    (
        "sandbox",
        "Programs run in forks of a warm Python interpreter that give up their rights before they read the first byte: no \
         network, no other processes, files of the interpreter only, bounded time, memory and output. Every command that runs \
         programs takes these flags.",
    ),
    ("model", "The model that writes. Every command that generates takes these flags."),
    (
        "method",
        "How guidance works. A flag overrides the name given with --config, which overrides an experiment's file, which \
         overrides the default.",
    ),
];

pub(crate) fn run(args: &HelpArgs) -> Result<ExitCode, Failure> {
    let text = match args.about.as_slice() {
        [] => args::command().render_long_help().to_string(),
        [topic] if TOPICS.iter().any(|(name, _)| name == topic) => {
            self::topic(topic).render_long_help().to_string()
        }
        words => {
            let mut command = args::command();
            command.build();
            let mut found = &mut command;
            for word in words {
                let shown = found.get_subcommands().filter(|inner| !inner.is_hide_set());
                let names: Vec<String> = shown.map(|inner| inner.get_name().to_owned()).collect();
                found = found.find_subcommand_mut(word).ok_or_else(|| {
                    let topics = TOPICS.map(|(name, _)| name).join(", ");
                    Failure::usage(format!("there is no help on '{}'", words.join(" ")))
                        .hint(format!("commands: {}; topics: {topics}", names.join(", ")))
                })?;
            }
            found.render_long_help().to_string()
        }
    };
    show(&text)?;
    Ok(ExitCode::from(SOLVED))
}

/// All of a topic.
fn topic(name: &str) -> Command {
    let about = TOPICS.iter().find(|(topic, _)| *topic == name).map_or("", |(_, about)| *about);
    let command = Command::new(name.to_owned()).disable_help_flag(true).max_term_width(args::WIDTH);
    let command = match name {
        "sandbox" => SandboxArgs::augment_args(command),
        "model" => ModelArgs::augment_args(command),
        _ => MethodArgs::augment_args(command),
    };
    // Here stands the long text; the heading that points here says nothing.
    let command = command.mut_args(|arg| args::with_default("solve", arg).help_heading("Flags"));
    command.about(about).help_template("{about}\n\n{all-args}\n")
}

/// Every command and topic as one page of Markdown; it does not depend on the environment.
pub(crate) fn reference() -> Result<ExitCode, Failure> {
    let mut text = String::from(
        "# Commands\n\nMade by `egcfg reference`; a test holds it against the program. Values of environment variables are left \
         out.\n",
    );
    let mut command = args::command().term_width(args::WIDTH);
    command.build();
    page(&mut text, &command);
    for (name, _) in TOPICS {
        block(&mut text, &format!("egcfg help {name}"), &topic(name));
    }
    data(&text)?;
    Ok(ExitCode::from(SOLVED))
}

fn page(text: &mut String, command: &Command) {
    let title = command.get_bin_name().unwrap_or_else(|| command.get_name());
    block(text, title, command);
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        page(text, inner);
    }
}

/// The help of a command under a title, the same on every machine.
fn block(text: &mut String, title: &str, command: &Command) {
    let mut plain = command.clone().term_width(args::WIDTH).mut_args(|arg| arg.hide_env_values(true));
    let help = plain.render_long_help().to_string();
    let lines: Vec<&str> = help.trim().lines().map(str::trim_end).collect();
    let _ = write!(text, "\n## {title}\n\n```\n{}\n```\n", lines.join("\n"));
}
