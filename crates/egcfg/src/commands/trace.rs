//! `egcfg trace`: what a program does on one call.

use std::process::ExitCode;

use egcfg_sandbox::{Program, TraceOptions};

use crate::args::programs::{TraceArgs, TraceFormat};
use crate::commands::judge::read_program;
use crate::exit::{Failure, SOLVED};
use crate::output::text::{data, show};
use crate::parts::start_runner;

pub(crate) async fn run(args: TraceArgs) -> Result<ExitCode, Failure> {
    let source = read_program(&args.file)?;
    let name = args.call.split('(').next().unwrap_or_default().trim().to_owned();
    if let Err(fault) = egcfg_python::check(&args.call, egcfg_python::PythonVersion::default()) {
        return Err(Failure::usage(format!(
            "--call '{}' is not a Python call: {}",
            args.call, fault.message
        )));
    }
    let runner = start_runner(&args.sandbox).await?;
    if let Err(fault) = egcfg_python::check(&source, runner.python()) {
        let place = format!("{}:{}:{}", args.file.display(), fault.line, fault.column);
        return Err(Failure::input(format!("{place}: {}", fault.message)));
    }
    let program = Program { source, entry_point: name, ..Program::default() };
    let options =
        TraceOptions { steps: args.steps, instructions: args.instructions, ..TraceOptions::default() };
    let trace = runner.sandbox.trace(&program, &args.call, &options).await?;
    match args.format {
        TraceFormat::Full => show(&egcfg_task::full(&trace))?,
        TraceFormat::Minimal => show(&egcfg_task::minimal(&trace))?,
        TraceFormat::Json => {
            let text = serde_json::to_string(&trace)
                .map_err(|error| Failure::input(format!("failed to write the trace: {error}")))?;
            data(&(text + "\n"))?;
        }
    }
    Ok(ExitCode::from(SOLVED))
}
