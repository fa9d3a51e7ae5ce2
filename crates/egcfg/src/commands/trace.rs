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
    let name = args.call.trim().split('(').next().unwrap_or_default().trim().to_owned();
    let call = args.call.trim();
    if !egcfg_python::is_expression(call) {
        let reason = match egcfg_python::check(call, egcfg_python::PythonVersion::default()) {
            Err(fault) => fault.message,
            Ok(()) => "one expression is wanted, such as f(1)".to_owned(),
        };
        return Err(Failure::usage(format!("--call '{call}' is not a Python call: {reason}")));
    }
    let runner = start_runner(&args.sandbox).await?;
    if let Err(fault) = egcfg_python::check(&source, runner.python()) {
        let place = format!("{}:{}:{}", args.file.display(), fault.line, fault.column);
        return Err(Failure::input(format!("{place}: {}", fault.message)));
    }
    let program = Program { source, entry_point: name, ..Program::default() };
    let options =
        TraceOptions { steps: args.steps, instructions: args.instructions, ..TraceOptions::default() };
    let traced = runner.sandbox.trace(&program, call, &options).await?;
    if let Some(reason) = traced.unloaded {
        let file = args.file.display();
        return Err(Failure::input(format!("{file}: the program ends before it can be called: {reason}")));
    }
    let trace = traced.trace;
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
