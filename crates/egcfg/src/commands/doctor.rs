//! `egcfg doctor`: what is in use here, found out by doing it.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use egcfg_model::LanguageModel;
use serde_json::json;

use crate::args::DoctorArgs;
use crate::exit::{Failure, SOLVED};
use crate::output::endpoint;
use crate::output::text::{data, visible};
use crate::parts::{connect, load_model, start_runner};

pub(crate) async fn run(args: DoctorArgs) -> Result<ExitCode, Failure> {
    let runner = start_runner(&args.sandbox).await?;
    let server = connect(&args.model)?;
    let caps = server.as_ref().map(|server| server.capabilities().clone());
    let model: Arc<dyn LanguageModel> = match server {
        Some(server) => Arc::new(server),
        None => load_model(&args.model, 1)?,
    };
    let (interpreter, info) = (runner.sandbox.interpreter(), model.info());
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    if args.json {
        let protections: Vec<_> = runner
            .sandbox
            .protections()
            .iter()
            .map(|p| json!({ "name": p.name, "layer": p.layer, "in_force": p.in_force(), "stops": p.stops, "missing": p.missing }))
            .collect();
        let details: serde_json::Map<_, _> =
            info.details.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
        let object = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "interpreter": { "path": interpreter.path, "version": interpreter.version },
            "protections": protections,
            "model": { "name": info.name, "vocabulary": info.vocab, "context": info.context, "details": details },
            "processors": processors,
            "endpoint": caps.as_ref().map(endpoint::object),
        });
        data(&(object.to_string() + "\n"))?;
        return Ok(ExitCode::from(SOLVED));
    }
    let mut text = format!(
        "egcfg {}\n\ninterpreter  {} (CPython {})\nprocessors   {processors}\n\nprotections\n",
        env!("CARGO_PKG_VERSION"),
        interpreter.path.display(),
        interpreter.version
    );
    let widest = runner.sandbox.protections().iter().map(|p| p.name.len()).max().unwrap_or(0);
    for protection in runner.sandbox.protections() {
        let state = protection
            .missing
            .as_ref()
            .map_or_else(|| "in force".to_owned(), |why| format!("MISSING: {why}"));
        let _ = writeln!(
            text,
            "  {}  {:widest$}  {state}; stops {}",
            protection.layer, protection.name, protection.stops
        );
    }
    let _ = write!(
        text,
        "\nmodel        {}\n  vocabulary  {}\n  context     {}\n",
        info.name, info.vocab, info.context
    );
    for (key, value) in &info.details {
        let _ = writeln!(text, "  {key}  {value}");
    }
    text += &caps.as_ref().map(endpoint::text).unwrap_or_default();
    data(&visible(&text))?;
    Ok(ExitCode::from(SOLVED))
}
