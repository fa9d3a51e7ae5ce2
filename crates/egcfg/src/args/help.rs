//! The arguments of the commands that teach: `help`, `completions`, `man`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

#[derive(Debug, ClapArgs)]
pub(crate) struct HelpArgs {
    /// A command, or a topic: sandbox, model, method
    #[arg(value_name = "COMMAND|TOPIC")]
    pub(crate) about: Vec<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ManArgs {
    /// Folder for the pages, one per command [default: the first page, to standard output]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

pub(crate) const COMPLETIONS_EXAMPLES: &str = "Examples:
  egcfg completions bash > ~/.local/share/bash-completion/completions/egcfg
  egcfg completions zsh > ~/.zfunc/_egcfg        # with ~/.zfunc in fpath
  egcfg completions fish > ~/.config/fish/completions/egcfg.fish";
