//! Where a value came from: what was typed knows of each argument whether it was given, and under which name.

use clap::ArgMatches;
use clap::parser::ValueSource;

/// The arguments of the command that was typed.
pub(crate) struct Typed {
    /// Ids of what was given, with the name it was given under: `--gamma`, or `EGCFG_MODEL`.
    given: Vec<(String, String)>,
}

impl Typed {
    /// What was given of a command's arguments; a command of a command counts as its own.
    pub(crate) fn new(command: &clap::Command, matches: &ArgMatches) -> Self {
        let (mut command, mut matches) = (command, matches);
        while let Some((name, inner)) = matches.subcommand() {
            let Some(found) = command.find_subcommand(name) else { break };
            (command, matches) = (found, inner);
        }
        let given = command.get_arguments().filter_map(|arg| {
            let id = arg.get_id().as_str();
            let name = match matches.value_source(id)? {
                ValueSource::CommandLine => match (arg.get_long(), arg.get_value_names()) {
                    (Some(long), _) => format!("--{long}"),
                    (None, Some([name, ..])) => name.to_string(),
                    (None, _) => id.to_owned(),
                },
                ValueSource::EnvVariable => arg.get_env()?.to_string_lossy().into_owned(),
                _ => return None,
            };
            Some((id.to_owned(), name))
        });
        Self { given: given.collect() }
    }

    /// The name that an argument was given under, where it was given.
    pub(crate) fn name(&self, id: &str) -> Option<&str> {
        self.given.iter().find(|(given, _)| given == id).map(|(_, name)| name.as_str())
    }
}

/// A resolved setting for a person: key, value, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// The setting.
    pub(crate) key: String,
    /// Its value, as it would be typed.
    pub(crate) value: String,
    /// A flag, a variable, a file or `default`.
    pub(crate) origin: String,
}

/// The rows as a table.
pub(crate) fn table(rows: &[Row]) -> String {
    use std::fmt::Write as _;
    let width = |of: fn(&Row) -> &str| rows.iter().map(|row| of(row).chars().count()).max().unwrap_or(0);
    let (keys, values) = (width(|row| &row.key), width(|row| &row.value).min(60));
    rows.iter().fold(String::new(), |mut text, row| {
        let _ = writeln!(text, "{:keys$}  {:values$}  {}", row.key, row.value, row.origin);
        text
    })
}
