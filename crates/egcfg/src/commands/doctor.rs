//! `egcfg doctor`: what is in use here, found out by doing it.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use egcfg_model::LanguageModel;
use egcfg_sandbox::{Level, Sandbox};
use serde_json::{Map, Value, json};

use crate::args::doctor::DoctorArgs;
use crate::exit::{Failure, SOLVED};
use crate::output::endpoint;
use crate::output::text::{data, show};
use crate::parts::{connect, load_model, start_runner};

pub(crate) async fn run(args: DoctorArgs) -> Result<ExitCode, Failure> {
    let runner = start_runner(&args.sandbox).await?;
    let server = if args.sandbox_only { None } else { connect(&args.model)? };
    let caps = server.as_ref().map(|server| server.capabilities().clone());
    let model: Option<Arc<dyn LanguageModel>> = match server {
        Some(server) => Some(Arc::new(server)),
        None if args.sandbox_only => None,
        None => Some(load_model(&args.model, 1)?),
    };
    let (sandbox, interpreter) = (&runner.sandbox, runner.sandbox.interpreter());
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    if args.json {
        let mut object = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "interpreter": { "path": interpreter.path, "version": interpreter.version },
            "sandbox": described(sandbox),
            "protections": protections(sandbox),
            "processors": processors,
            "endpoint": caps.as_ref().map(endpoint::object),
        });
        if let Some(model) = model {
            let info = model.info();
            let details: Map<_, _> = info.details.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
            object["model"] = json!({ "name": info.name, "identity": model.identity()?, "vocabulary": info.vocab, "context": info.context, "details": details });
        }
        data(&(object.to_string() + "\n"))?;
        return Ok(ExitCode::from(SOLVED));
    }
    let mut text = format!(
        "egcfg {}\n\ninterpreter  {} (CPython {})\nprocessors   {processors}\n",
        env!("CARGO_PKG_VERSION"),
        interpreter.path.display(),
        interpreter.version
    );
    write_sandbox(&mut text, sandbox);
    if let Some(model) = model {
        let info = model.info();
        let _ = write!(
            text,
            "\nmodel        {}\n  vocabulary  {}\n  context     {}\n",
            info.name, info.vocab, info.context
        );
        for (key, value) in &info.details {
            let _ = writeln!(text, "  {key}  {value}");
        }
    }
    text += &caps.as_ref().map(endpoint::text).unwrap_or_default();
    show(&text)?;
    Ok(ExitCode::from(SOLVED))
}

/// The table: layer, protection, in force or why not, what it stops.
fn write_sandbox(text: &mut String, sandbox: &Sandbox) {
    let limits = sandbox.limits();
    let _ = write!(
        text,
        "sandbox      level {}, profile {}\nlimits       {} s processor, {} s idle, {} s real time, {} MiB {}, {} threads\n\
         calibration  {:.2} (limits of time are multiplied by it)\ngroups       {}\n\nprotections\n",
        sandbox.level(),
        sandbox.profile(),
        limits.cpu.as_secs_f64(),
        limits.idle.as_secs_f64(),
        limits.wall.as_secs_f64(),
        limits.memory >> 20,
        if limits.resident { "resident" } else { "address space" },
        limits.threads,
        sandbox.calibration(),
        sandbox
            .control_groups()
            .map_or_else(|| "no control groups".to_owned(), |one| format!("control groups, {one}")),
    );
    let widest = sandbox.protections().iter().map(|p| p.name.len()).max().unwrap_or(0);
    for protection in sandbox.protections() {
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
}

fn described(sandbox: &Sandbox) -> Value {
    let limits = sandbox.limits();
    json!({
        "level": sandbox.level().name(),
        "levels": Level::ALL.map(|level| json!({ "level": level.name(), "in_force": level <= sandbox.level() })),
        "profile": sandbox.profile().name(),
        "calibration": sandbox.calibration(),
        "control_groups": sandbox.control_groups(),
        "limits": {
            "cpu_s": limits.cpu.as_secs_f64(), "idle_s": limits.idle.as_secs_f64(), "wall_s": limits.wall.as_secs_f64(),
            "memory": limits.memory, "resident": limits.resident, "output": limits.output, "threads": limits.threads,
            "disk": limits.disk, "entries": limits.entries, "file_size": limits.file_size, "files": limits.files,
        },
    })
}

fn protections(sandbox: &Sandbox) -> Vec<Value> {
    let all = sandbox.protections().iter();
    all.map(|p| {
        json!({ "name": p.name, "layer": p.layer.name(), "in_force": p.in_force(), "needed": p.needed,
            "stops": p.stops, "missing": p.missing })
    })
    .collect()
}
