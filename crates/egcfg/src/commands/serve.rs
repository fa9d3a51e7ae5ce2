//! `egcfg serve`: the model and the sandbox behind an OpenAI-compatible server.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use egcfg_serve::{ApiKey, App, Limits, Parts};
use tokio::net::TcpListener;

use crate::args::search::SearchArgs;
use crate::args::serve::{LimitArgs, ServeArgs};
use crate::exit::{Failure, SOLVED};
use crate::output::text::{data, note};
use crate::parts::{Adapted, load_models, start_runner};
use crate::settings::{method, search};
use crate::signals::interrupt;

pub(crate) async fn run(args: ServeArgs) -> Result<ExitCode, Failure> {
    let config = method::config(&args.method)?;
    let key = key(&args)?;
    let loopback = args.host.is_loopback();
    if key.is_none() && !loopback && !args.open {
        return Err(Failure::usage(format!(
            "--host {}: others could use the model without a key",
            args.host
        ))
        .hint("set EGCFG_API_KEY or give --api-key-file; --open serves without a key"));
    }
    let listener = TcpListener::bind((args.host, args.port)).await.map_err(|error| {
        Failure::usage(format!("failed to listen on {}:{}: {error}", args.host, args.port))
    })?;
    let address = listener
        .local_addr()
        .map_err(|error| Failure::usage(format!("failed to listen on {}: {error}", args.host)))?;
    // Whoever ends the server while it starts shall not wait.
    let (runner, models) = tokio::select! {
        started = async {
            let runner = start_runner(&args.sandbox).await?;
            // Loading reads for long, and what a file makes of it is the file's doing.
            let (wanted, tasks) = (args.model.clone(), args.limits.in_flight);
            let loading = tokio::task::spawn_blocking(move || -> Result<Vec<Adapted>, Failure> {
                let models = load_models(&wanted, tasks)?;
                // Clients are told what the weights hash to; it is taken once, now.
                models.iter().try_for_each(|(_, model)| model.identity().map(drop))?;
                Ok(models)
            });
            let models =
                loading.await.map_err(|error| Failure::sandbox(format!("failed to load: {error}")))??;
            Ok::<_, Failure>((runner, models))
        } => started?,
        () = interrupt() => return Err(Failure::interrupted()),
    };
    let mut models = models.into_iter();
    let model = models.next().map(|(_, model)| model).ok_or_else(|| Failure::model("no model was loaded"))?;
    let adapted: Vec<_> = models.filter_map(|(name, model)| Some((name?, model))).collect();
    let own = args.name.clone().unwrap_or_else(|| model.info().name.clone());
    if adapted.iter().any(|(name, _)| *name == own) {
        return Err(Failure::usage(format!("--lora {own}=...: the model itself has this name"))
            .hint("name the adapter otherwise, or the model with --name"));
    }
    let template = method::template(&args.method, &config, model.info())?;
    let settings = method::settings(&args.method, config, runner.python());
    let loopback_only = loopback && key.is_none();
    let app = App::new(Parts {
        model,
        adapted,
        executor: Some(Arc::new(runner.clone())),
        scripts: Some(Arc::new(runner)),
        template,
        settings,
        order: search::order(&SearchArgs::default(), &args.method, method::gammas(&args.method), 0),
        limits: limits(&args.limits),
        key,
        loopback_only,
        cors: args.cors.clone(),
        name: args.name.clone(),
    });
    data(&format!("http://{address}/v1\n"))?;
    note("serving; Ctrl-C ends it once the requests at work are answered");
    let served = egcfg_serve::serve(listener, app, interrupt());
    // A second Ctrl-C does not wait.
    let impatient = async {
        interrupt().await;
        interrupt().await;
    };
    let all = tokio::select! {
        all = served => all.map_err(|error| Failure::sandbox(format!("failed to serve: {error}")))?,
        () = impatient => return Err(Failure::interrupted()),
    };
    if !all {
        note("warning: requests at work did not end in time and were dropped");
    }
    Ok(ExitCode::from(SOLVED))
}

/// The key from its file or the environment.
fn key(args: &ServeArgs) -> Result<Option<ApiKey>, Failure> {
    if let Some(path) = &args.api_key_file {
        let text = read_secret(path)?;
        let empty = || Failure::input(format!("{}: the key file is empty", path.display()));
        return ApiKey::new(&text).map(Some).ok_or_else(empty);
    }
    match std::env::var("EGCFG_API_KEY") {
        Ok(text) => ApiKey::new(&text).map(Some).ok_or_else(|| {
            Failure::usage("EGCFG_API_KEY is set but empty").hint("unset it to serve without a key")
        }),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(_) => Err(Failure::usage("EGCFG_API_KEY is no text")),
    }
}

fn read_secret(path: &Path) -> Result<String, Failure> {
    let fail = |error: std::io::Error| Failure::input(format!("failed to read {}: {error}", path.display()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(path).map_err(fail)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(Failure::input(format!(
                "{}: the key file has mode {:03o}, so others can read it",
                path.display(),
                mode & 0o777
            ))
            .hint(format!("run chmod 600 {}", path.display())));
        }
    }
    egcfg_files::read_small(path).map_err(Failure::file)
}

fn limits(args: &LimitArgs) -> Limits {
    Limits {
        in_flight: args.in_flight,
        queue: args.queue,
        time: args.request_time,
        body_bytes: (args.body_limit as usize) << 20,
        tests: args.test_limit,
        candidates: args.candidate_limit,
        ..Limits::default()
    }
}
