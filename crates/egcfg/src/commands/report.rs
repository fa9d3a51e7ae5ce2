//! `egcfg report`: a results folder as a table, CSV, JSON or one HTML file.

use std::process::ExitCode;

use egcfg_report::{Report, ReportError, csv, html, samples, svg, table};
use egcfg_results::read::{Filter, Folder, ReadError};

use crate::args::report::{ReportArgs, ReportFormat};
use crate::exit::{Failure, SOLVED};
use crate::input::results::Results;
use crate::output::file::write_whole;
use crate::output::text::{data, note, show};

pub(crate) async fn run(args: ReportArgs) -> Result<ExitCode, Failure> {
    let format = format(&args)?;
    let results = Results::open(&args.results, format == ReportFormat::Html).await?;
    // Reading a large folder takes a while: Ctrl-C must be heard meanwhile.
    let work = tokio::task::spawn_blocking(move || write(&args, format, &results)).await;
    work.map_err(|error| Failure::input(format!("failed to report: {error}")))?
}

fn write(args: &ReportArgs, format: ReportFormat, results: &Results) -> Result<ExitCode, Failure> {
    let folder = Folder::read(results.path(), &Filter::from(&args.which))?;
    let report = Report::new(&folder, args.fixed.as_ref(), &args.pairs);
    if let (Some(fixed), None) = (&args.fixed, found(&folder, args)) {
        let names = report.groups.iter().flat_map(|group| &group.rows).map(|row| row.configuration.clone());
        let mut names: Vec<String> = names.collect();
        names.dedup();
        return Err(Failure::input(format!("no results of --fixed {fixed}"))
            .hint(format!("there are {}", names.join(", "))));
    }
    for pair in &args.pairs {
        let found = |fixed: &egcfg_report::Fixed| {
            report
                .groups
                .iter()
                .flat_map(|group| &group.rows)
                .any(|row| row.configuration == fixed.configuration)
        };
        if let Some(missing) = pair.iter().find(|fixed| !found(fixed)) {
            return Err(Failure::input(format!("no results of --pair {}", missing.configuration)));
        }
    }
    let text = match format {
        ReportFormat::Table => table::render(&report),
        ReportFormat::Csv => csv::render(&report),
        ReportFormat::Json => serde_json::to_string_pretty(&report).unwrap_or_default() + "\n",
        ReportFormat::Svg => svg::render(&report).ok_or_else(|| {
            Failure::input(format!("{} holds no results that tell their tokens", args.results))
        })?,
        ReportFormat::Samples => samples::render(&folder, args.fixed.as_ref()),
        ReportFormat::Html => {
            let page = html::render(&folder, &report, html::Options { replay_bytes: args.replays << 20 });
            if page.left_out > 0 {
                note(&format!("{} event logs did not fit into the page", page.left_out));
                note("hint: allow more with --replays MIB, or report on one --dataset and --model");
            }
            page.html
        }
    };
    match &args.out {
        Some(path) => {
            write_whole(path, &text)?;
            note(&format!("wrote {} ({} KiB)", path.display(), text.len().div_ceil(1024)));
        }
        None if format == ReportFormat::Table => show(&text)?,
        None => data(&text)?,
    }
    Ok(ExitCode::from(SOLVED))
}

/// Whether the folder has results of the configuration named by `--fixed`.
fn found(folder: &Folder, args: &ReportArgs) -> Option<()> {
    let fixed = args.fixed.as_ref()?;
    let mut cells = folder.groups.iter().flat_map(|group| &group.cells);
    cells.any(|cell| fixed.covers(cell)).then_some(())
}

/// The format that was asked for, or the one that the file's ending names; other endings name none.
fn format(args: &ReportArgs) -> Result<ReportFormat, Failure> {
    if args.out.as_deref().is_some_and(|path| path.as_os_str() == "-") {
        return Err(Failure::usage("--out -: a report is written to a file")
            .hint("without --out it goes to standard output; --format chooses its form"));
    }
    let ending = args.out.as_ref().and_then(|path| path.extension());
    let ending = ending.map(|end| end.to_string_lossy().to_lowercase());
    Ok(match (args.format, ending.as_deref()) {
        (Some(format), _) => format,
        (None, Some("html" | "htm")) => ReportFormat::Html,
        (None, Some("json")) => ReportFormat::Json,
        (None, Some("csv")) => ReportFormat::Csv,
        (None, Some("svg")) => ReportFormat::Svg,
        (None, Some("jsonl")) => ReportFormat::Samples,
        (None, None | Some("txt" | "md")) => ReportFormat::Table,
        (None, Some(other)) => {
            return Err(Failure::usage(format!("--out: a report cannot be written as .{other}"))
                .hint("endings are html, json, csv, svg, txt, md and jsonl (samples); --format chooses for any other"));
        }
    })
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        let failure = Self::input(error.to_string());
        match error {
            ReadError::Empty { .. } => failure
                .hint("give the folder that results were written to, or one of its data sets or models"),
            ReadError::NoMatch { .. } => {
                failure.hint("names are those of the folders; '/' may be written as '_'")
            }
            ReadError::Folder { .. } => failure,
        }
    }
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Results(error) => error.into(),
            ReportError::Terminal(_) => Self::input(error.to_string()),
        }
    }
}
