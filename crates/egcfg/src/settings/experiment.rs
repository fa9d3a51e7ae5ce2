//! An experiment's settings: layers laid over each other key by key, the command line on top, then the experiment's file, the
//! session's files, a command's preset and the defaults. Every key remembers its layer.

use std::path::Path;

use egcfg_bench::config::{Overrides, file, session};
use egcfg_task::Config;
use serde_json::{Map, Value};

use super::origin::{Row, Typed};
use super::{defaults, method};
use crate::args::run::RunArgs;
use crate::exit::Failure;

/// Settings with every key decided, and what a person should know about them.
pub(crate) struct Experiment {
    /// The settings. Keys without a default may still be missing.
    pub(crate) settings: Overrides,
    /// Each key that has a value, with where it came from.
    pub(crate) rows: Vec<Row>,
    /// About keys that files have and that mean nothing here.
    pub(crate) warnings: Vec<String>,
}

/// One source of settings: what it gives, the same as it would be written, and where each key came from.
struct Layer<'a> {
    settings: Overrides,
    keys: Map<String, Value>,
    origin: Box<dyn Fn(&str) -> String + 'a>,
}

impl<'a> Layer<'a> {
    fn new(settings: Overrides, origin: impl Fn(&str) -> String + 'a) -> Result<Self, Failure> {
        match serde_json::to_value(&settings) {
            Ok(Value::Object(mut keys)) => {
                keys.retain(|_, value| !value.is_null());
                Ok(Self { settings, keys, origin: Box::new(origin) })
            }
            _ => Err(Failure::usage("the settings cannot be written down")),
        }
    }

    fn file(path: &Path, settings: Overrides) -> Result<Self, Failure> {
        let name = name(path);
        Self::new(settings, move |_| name.clone())
    }
}

/// Resolves the settings of a run; `preset` is what a command that stands for a run of its own kind sets.
pub(crate) fn resolve(
    args: &RunArgs,
    typed: &Typed,
    preset: Option<&Overrides>,
) -> Result<Experiment, Failure> {
    let mut warnings = Vec::new();
    let mut layers =
        vec![Layer::new(flags(args), |key| typed.name(key).unwrap_or("command line").to_owned())?];
    if let Some(path) = &args.experiment {
        let (read, told) = file::parse(&name(path), &text(path)?)?;
        warnings.extend(told);
        layers.push(Layer::file(path, read)?);
    }
    if let Some(path) = &args.trials_json {
        let configurations = Some(session::trials(&name(path), &text(path)?)?);
        layers.push(Layer::file(path, Overrides { configurations, ..Overrides::default() })?);
    }
    if let Some(path) = &args.dynamic_signals_params {
        let (product, told) = session::params(&name(path), &text(path)?)?;
        warnings.extend(told);
        let configurations = Some(product);
        layers.push(Layer::file(path, Overrides { configurations, ..Overrides::default() })?);
    }
    if let Some(path) = &args.session_config_json {
        let (read, told) = session::session(&name(path), &text(path)?)?;
        warnings.extend(told);
        layers.push(Layer::file(path, read)?);
    }
    if let Some(preset) = preset {
        layers.push(Layer::new(preset.clone(), |_| "preset".to_owned())?);
    }
    layers.push(Layer::new(below(), |_| "default".to_owned())?);

    let mut rows = rows(&layers);
    let merged = layers.into_iter().map(|layer| layer.settings).reduce(Overrides::over);
    let mut settings = merged.unwrap_or_default();
    if let Some(limit) = args.limit {
        // Where the first task is may stand in a file: only now is it known where the last one is.
        let end = settings.start.unwrap_or(0).saturating_add(limit);
        settings.end = Some(end);
        rows.retain(|row| row.key != "end");
        let origin = typed.name("limit").unwrap_or("command line").to_owned();
        rows.push(Row { key: "end".to_owned(), value: end.to_string(), origin });
        rows.sort_by(|a, b| a.key.cmp(&b.key));
    }
    // Knobs that were given by themselves are laid over every configuration.
    for config in settings.configurations.iter_mut().flatten() {
        *config = method::over(&args.method, *config);
    }
    for row in rows.iter_mut().filter(|row| row.key == "configurations") {
        let names = settings.configurations.iter().flatten().map(Config::to_string);
        row.value = names.collect::<Vec<_>>().join(",");
        let knobs: Vec<&str> = KNOBS.iter().filter_map(|id| typed.name(id)).collect();
        if !knobs.is_empty() {
            row.origin = format!("{}, with {}", row.origin, knobs.join(" "));
        }
    }
    Ok(Experiment { settings, rows, warnings })
}

/// Ids of the flags that change a configuration.
const KNOBS: [&str; 12] = [
    "candidates",
    "temperature",
    "horizon",
    "every",
    "prompt_type",
    "signal",
    "strategy",
    "outcome",
    "memory",
    "stop_on_pass",
    "reuse",
    "early_stop",
];

/// Every key with its value in the first layer that has it.
fn rows(layers: &[Layer<'_>]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for layer in layers {
        for (key, value) in &layer.keys {
            if !rows.iter().any(|row| row.key == *key) {
                rows.push(Row { key: key.clone(), value: typed_form(value), origin: (layer.origin)(key) });
            }
        }
    }
    rows.sort_by(|a, b| a.key.cmp(&b.key));
    rows
}

/// A value as it would be typed.
fn typed_form(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(typed_form).collect::<Vec<_>>().join(","),
        // 0.0 is typed as 0.
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), |n| n.to_string()),
        other => other.to_string(),
    }
}

/// What stands on the command line (or in the environment variables behind it).
fn flags(args: &RunArgs) -> Overrides {
    Overrides {
        dataset: args.dataset.clone(),
        data: args.data.clone(),
        model: args.model.model.clone(),
        results: args.results.clone(),
        methods: args.methods.clone(),
        configurations: args.method.configurations.clone(),
        gammas: args.method.gammas.clone(),
        retries: args.retries,
        seed: args.method.seed,
        start: args.start,
        end: args.end,
        until_solved: args.until_solved,
        best_of: args.best_of,
        best_of_temperature: None,
        budget: args.tree.budget,
        time_budget: args.tree.time_budget.map(|time| time.as_secs_f64()),
        policy: args.tree.policy.map(Into::into),
        width: args.tree.width,
        choose: args.tree.choose.map(Into::into),
        bonus: args.tree.bonus,
        dead_ends: args.tree.dead_ends,
        equal_states: args.tree.equal_states,
        tree_share: args.tree_share,
        max_tokens: args.method.max_tokens,
        signal_format: args.method.signal_format.map(Into::into),
        signal_tokens: args.method.signal_tokens,
        template: args.method.template.as_ref().map(|path| name(path)),
        timeout: args.sandbox.timeout.map(|timeout| timeout.as_secs_f64()),
        memory_limit: args.sandbox.memory_limit,
        jobs: args.jobs,
        lease: args.lease.map(|lease| lease.as_secs_f64()),
        events: args.events,
        exec_eval: args.exec_eval.clone(),
    }
}

/// The defaults. What is missing here has none, or one that depends on the tasks.
fn below() -> Overrides {
    Overrides {
        dataset: Some("tasks".to_owned()),
        model: Some(defaults::MODEL.to_owned()),
        results: Some("results".to_owned()),
        methods: Some(vec!["eg_cfg".to_owned()]),
        configurations: Some(vec![defaults::configuration()]),
        gammas: Some(defaults::GAMMAS.to_vec()),
        retries: Some(0),
        seed: Some(defaults::SEED),
        until_solved: Some(false),
        best_of: serde_json::from_value(serde_json::json!(10)).ok(),
        jobs: Some(1),
        lease: Some(60.0),
        events: Some(true),
        ..Overrides::default()
    }
}

fn name(path: &Path) -> String {
    path.display().to_string()
}

fn text(path: &Path) -> Result<String, Failure> {
    egcfg_files::read_small(path).map_err(Failure::file)
}
