//! An experiment in one TOML file of ours. Its keys are those of [`Overrides`], and a table `grid` with the lists `t`, `s`, `d`,
//! `k` and `prompt_type`, whose product comes after the `configurations` that are named. A mistake is named with file, line and
//! field; a key that does not exist is one.

use egcfg_results::{BestOfBudget, MethodFacts, method};
use egcfg_task::Config;
use toml::Spanned;
use toml::de::{DeTable, Error};

use super::overrides::grid;
use super::typo::{nearest, unknown};
use super::{ConfigError, Overrides};

/// Reads a file's text; `name` is for messages. Returns the settings and warnings.
pub fn parse(name: &str, text: &str) -> Result<(Overrides, Vec<String>), ConfigError> {
    let file = File { name, text };
    let table = DeTable::parse(text).map_err(|error| file.bad(None, &error))?;
    let keys = Keys(table.get_ref());
    let known = serde_json::to_value(Overrides::default()).unwrap_or_default();
    let known: Vec<&str> = known
        .as_object()
        .into_iter()
        .flat_map(|map| map.keys().map(String::as_str))
        .chain(["grid"])
        .collect();
    if let Some((key, at)) = keys.all().find(|(key, _)| !known.contains(key)) {
        return Err(ConfigError::new(file.line(at), unknown(key, known.iter().copied())));
    }
    let mut overrides: Overrides = toml::from_str(text).map_err(|error| file.bad(Some(&keys), &error))?;
    if let Some((key, reason)) = first_wrong(&overrides) {
        let at = keys.all().find(|(found, _)| *found == key).map_or(0, |(_, at)| at);
        return Err(ConfigError::new(file.line(at), format!("field `{key}`: {reason}")));
    }
    let grid_at = keys.all().find(|(key, _)| *key == "grid");
    if grid_at.is_none()
        && let Some((key, reason)) = empty("configurations", overrides.configurations.as_deref())
    {
        let at = keys.all().find(|(found, _)| *found == key).map_or(0, |(_, at)| at);
        return Err(ConfigError::new(file.line(at), format!("field `{key}`: {reason}")));
    }
    if let Some((_, at)) = grid_at {
        let whole: toml::Table = toml::from_str(text).map_err(|error| file.bad(None, &error))?;
        let value = serde_json::to_value(whole.get("grid")).unwrap_or_default();
        let place = format!("{}: field `grid`", file.line(at));
        let object = value.as_object().ok_or_else(|| ConfigError::new(&place, "expected a table"))?;
        let product = grid(&place, object)?.product(Config::default());
        overrides.configurations.get_or_insert_default().extend(product);
    }
    Ok((overrides, Vec::new()))
}

/// The first key whose value is of the right type and cannot be used all the same.
fn first_wrong(settings: &Overrides) -> Option<(&'static str, String)> {
    const COUNT: &str = "expected a whole number from 1 on";
    let count = |key, value: Option<u64>| (value == Some(0)).then(|| (key, COUNT.to_owned()));
    let within = |key, value: Option<f64>, least: f64, most: f64| {
        let wrong = value.is_some_and(|value| !(least..=most).contains(&value));
        wrong.then(|| (key, format!("expected a number from {least} to {most}")))
    };
    let gamma =
        || settings.gammas.iter().flatten().find_map(|gamma| within("gammas", Some(*gamma), 0.0, 100.0));
    count("jobs", settings.jobs.map(|n| n as u64))
        .or_else(|| count("max_tokens", settings.max_tokens.map(|n| n as u64)))
        .or_else(|| count("signal_tokens", settings.signal_tokens.map(|n| n as u64)))
        .or_else(|| count("end", settings.end.map(|n| n as u64)))
        .or_else(|| count("budget", settings.budget.map(|n| n as u64)))
        .or_else(|| count("width", settings.width.map(|n| n as u64)))
        .or_else(|| within("time_budget", settings.time_budget, 0.001, 86_400.0))
        .or_else(|| within("tree_share", settings.tree_share, 0.0, 1.0))
        .or_else(|| within("bonus", settings.bonus, 0.0, 1000.0))
        .or_else(|| within("memory_limit", settings.memory_limit.map(|n| n as f64), 64.0, f64::from(1 << 24)))
        .or_else(|| within("timeout", settings.timeout, 0.001, 86_400.0))
        .or_else(|| within("lease", settings.lease, 0.2, 86_400.0))
        .or_else(|| {
            let unknown = settings.policy == Some(egcfg_guidance::Policy::NormalisedBeam);
            unknown
                .then(|| ("policy", "an experiment takes priority, unique, independent or beam".to_owned()))
        })
        .or_else(gamma)
        .or_else(|| {
            let none = settings.best_of == Some(BestOfBudget::Samples(0));
            none.then(|| ("best_of", "expected a number of samples from 1 on, or 'equal'".to_owned()))
        })
        .or_else(|| empty("methods", settings.methods.as_deref()))
        .or_else(|| empty("gammas", settings.gammas.as_deref()))
        .or_else(|| settings.methods.iter().flatten().find_map(|name| no_method(name)))
}

/// A list that stands there and holds nothing would run nothing.
fn empty<T>(key: &'static str, list: Option<&[T]>) -> Option<(&'static str, String)> {
    list.filter(|list| list.is_empty())
        .map(|_| (key, "the list is empty; leave it out for the default".to_owned()))
}

fn no_method(name: &str) -> Option<(&'static str, String)> {
    if MethodFacts::of(name).is_some() {
        return None;
    }
    let known = || method::METHODS.iter().map(|method| method.name);
    let then = nearest(name, known()).map_or_else(
        || format!("is none of {}", known().collect::<Vec<_>>().join(", ")),
        |meant| format!("is no method; did you mean '{meant}'?"),
    );
    Some(("methods", format!("'{name}' {then}")))
}

/// A file's text under its name.
struct File<'a> {
    name: &'a str,
    text: &'a str,
}

impl File<'_> {
    /// The place of a byte.
    fn line(&self, at: usize) -> String {
        let line = self.text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
        format!("{}:{line}", self.name)
    }

    /// A reader's error, with the field that it is about where that is known.
    fn bad(&self, keys: Option<&Keys<'_>>, error: &Error) -> ConfigError {
        let at = error.span().map_or(0, |span| span.start);
        let message = error.message().lines().next().unwrap_or("not TOML").to_owned();
        let field = keys.and_then(|keys| keys.around(at));
        let reason = field.map_or_else(|| message.clone(), |field| format!("field `{field}`: {message}"));
        ConfigError::new(self.line(at), reason)
    }
}

/// The keys of a file with their places.
struct Keys<'a>(&'a DeTable<'a>);

impl Keys<'_> {
    fn all(&self) -> impl Iterator<Item = (&str, usize)> {
        self.0.keys().map(|key: &Spanned<_>| (AsRef::<str>::as_ref(key.get_ref()), key.span().start))
    }

    /// The key whose value holds a byte.
    fn around(&self, at: usize) -> Option<&str> {
        let found = self.0.iter().find(|(key, value)| (key.span().start..=value.span().end).contains(&at));
        found.map(|(key, _)| key.get_ref().as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_grids_are_read() {
        let text = "dataset = \"mbpp\"\nconfigurations = [\"ns5t1.5d8k1_ln\"]\ngammas = [0, 1.5]\nbest_of = \"equal\"\n\
            [grid]\nt = [0.7, 0.9]\nd = [2, \"inf\"]\n";
        let (overrides, warnings) = parse("e.toml", text).unwrap();
        assert_eq!(overrides.dataset.as_deref(), Some("mbpp"));
        assert_eq!(overrides.gammas, Some(vec![0.0, 1.5]));
        assert_eq!(overrides.configurations.unwrap().len(), 5);
        assert_eq!(warnings, [""; 0]);
    }

    #[test]
    fn mistakes_name_file_line_and_field() {
        for (text, said) in [
            ("a = 1\ngamms = [1]\n", "e.toml:1: field `a`: there is no such field; the fields are dataset, "),
            (
                "seed = 1\ngamms = [1]\n",
                "e.toml:2: field `gamms`: there is no such field; did you mean `gammas`?",
            ),
            (
                "dataset = \"m\"\nretries = \"x\"\n",
                "e.toml:2: field `retries`: invalid type: string \"x\", expected u32",
            ),
            ("\n\njobs = 0\n", "e.toml:3: field `jobs`: expected a whole number from 1 on"),
            ("gammas = [0, -1]\n", "e.toml:1: field `gammas`: expected a number from 0 to 100"),
            (
                "configurations = ['ns3']\n",
                "e.toml:1: field `configurations`: configuration name 'ns3': expected 't'",
            ),
            ("width = 0\n", "e.toml:1: field `width`: expected a whole number from 1 on"),
            ("time_budget = -1\n", "e.toml:1: field `time_budget`: expected a number from"),
            ("choose = 'best'\n", "e.toml:1: field `choose`: 'best' is no way of choosing"),
            ("policy = 'best'\n", "e.toml:1: field `policy`: policy 'best' is unknown"),
            ("timeout = nan\n", "e.toml:1: field `timeout`: expected a number from"),
            ("seed = 1\n\n[grid]\nd = [0]\n", "e.toml:3: field `grid`: d: expected a whole number above 0"),
            (
                "[grid]\ntt = [1]\n",
                "e.toml:1: field `grid`: field `tt`: there is no such field; did you mean `t`?",
            ),
            (
                "seed = 1\nmethods = ['plian']\n",
                "e.toml:2: field `methods`: 'plian' is no method; did you mean 'plain'?",
            ),
            ("methods = ['magic']\n", "e.toml:1: field `methods`: 'magic' is none of eg_cfg, plain, "),
            ("\nmethods = []\n", "e.toml:2: field `methods`: the list is empty"),
            ("gammas = []\n", "e.toml:1: field `gammas`: the list is empty"),
            (
                "seed = 1\nbest_of = 'foo'\n",
                "e.toml:2: field `best_of`: expected a number of samples from 1 on, or 'equal'",
            ),
            (
                "best_of = 0\n",
                "e.toml:1: field `best_of`: expected a number of samples from 1 on, or 'equal'",
            ),
            ("seed = 1\nseed = 2\n", "e.toml:2: duplicate key"),
            ("seed = \n", "e.toml:1: "),
        ] {
            let error = parse("e.toml", text).unwrap_err().to_string();
            assert!(error.starts_with(said), "{text:?}: {error}");
        }
    }
}
