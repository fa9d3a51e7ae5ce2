//! `egcfg compare`: plain greedy decoding, EG-CFG at one configuration, and best-of-N with the same number of generated
//! tokens, on the same model and the same sandbox. It is a run with these settings, kept in a results folder like any
//! other, and the report's methods side by side of it.

use std::process::ExitCode;

use egcfg_bench::config::Overrides;
use egcfg_report::{Report, methods};
use egcfg_results::read::{Filter, Folder};
use egcfg_results::{BestOfBudget, file_name, method};

use crate::args::compare::CompareArgs;
use crate::args::run::RunArgs;
use crate::args::search::TreeArgs;
use crate::commands::run::{Carried, carry_out, complete, target};
use crate::exit::{Failure, SOLVED};
use crate::input::results::Results;
use crate::output::text::{data, note, show};
use crate::settings::experiment::resolve;
use crate::settings::origin::Typed;
use crate::settings::{defaults, method as knobs};

pub(crate) async fn run(args: CompareArgs, typed: &Typed) -> Result<ExitCode, Failure> {
    let (config, gamma) = (knobs::config(&args.method)?, knobs::gamma(&args.method)?);
    let preset = Overrides {
        methods: Some(
            [&method::PLAIN, &method::EG_CFG, &method::BEST_OF].map(|own| own.name.to_owned()).to_vec(),
        ),
        gammas: Some(vec![defaults::GAMMA]),
        best_of: Some(BestOfBudget::EQUAL),
        best_of_temperature: args.best_of_temperature,
        events: Some(false),
        ..Overrides::default()
    };
    // What is not to be kept lives as long as the command.
    let passing =
        match &args.results {
            Some(_) => None,
            None => Some(tempfile::tempdir().map_err(|error| {
                Failure::input(format!("failed to make a folder for the results: {error}"))
            })?),
        };
    let json = args.json;
    let run = as_run(args, passing.as_ref().map(|folder| folder.path().display().to_string()));
    let settings = resolve(&run, typed, Some(&preset))?.settings;
    let target = target(&settings)?;
    if passing.is_some() {
        note("note: the results are not kept; --results FOLDER keeps them, and goes on where it stopped");
    }
    let Carried { summary, dataset, model, .. } = carry_out(&run, &settings, &target).await?;
    let results = Results::open(&target, false).await?;
    let filter = Filter { dataset: Some(file_name(&dataset)), model: Some(file_name(&model)) };
    let report = Report::new(&Folder::read(results.path(), &filter)?, None, &[]);
    let Some(group) = report.groups.first() else {
        return Err(Failure::input(format!("{target} holds no results of {model}")));
    };
    if json {
        let object = serde_json::json!({
            "version": 2, "tasks": group.tasks, "config": config.to_string(), "gamma": gamma,
            "methods": group.sides, "rows": group.rows, "comparisons": group.comparisons, "notes": group.notes,
        });
        data(&format!("{object}\n"))?;
    } else {
        let notes: String =
            group.notes.iter().fold(String::new(), |text, note| text + "note: " + note + "\n");
        show(&format!(
            "{} tasks, {config}, gamma {gamma}; solved = passes the graded tests; 95 % bootstrap intervals\n\n{}{notes}",
            group.tasks,
            methods::render(group)
        ))?;
    }
    complete(summary)?;
    Ok(ExitCode::from(SOLVED))
}

/// The arguments as those of a run.
fn as_run(args: CompareArgs, passing: Option<String>) -> RunArgs {
    RunArgs {
        experiment: None,
        session_config_json: None,
        dynamic_signals_params: None,
        trials_json: None,
        dataset: None,
        data: Some(args.tasks.display().to_string()),
        results: args.results.or(passing),
        methods: None,
        retries: None,
        start: None,
        end: None,
        limit: args.limit,
        until_solved: None,
        best_of: None,
        exec_eval: None,
        events: None,
        jobs: Some(args.jobs),
        lease: args.lease,
        max_attempts: 3,
        retry_errors: args.retry_errors,
        dry_run: false,
        json: false,
        verbose: false,
        tree: TreeArgs::default(),
        tree_share: None,
        method: args.method,
        model: args.model,
        sandbox: args.sandbox,
    }
}
