//! Answers guided requests, whole or as a stream.

use std::sync::Arc;

use axum::response::Response;
use egcfg_guidance::{ExecutionCache, Session, Solution, solve_in_order};
use serde_json::json;

use crate::admission::Place;
use crate::app::{App, now};
use crate::compute::apart;
use crate::error::ApiError;
use crate::fields::Fields;
use crate::guided::asked::{Asked, Form, read};
use crate::guided::chunks::{Chunks, Sink, object};
use crate::guided::outcome::choice;
use crate::reply::{Envelope, Usage, json_response, tell, warnings};
use crate::stream::{self, Events};

/// Answers a guided request about what the prompt says.
pub(crate) async fn handle(
    app: App,
    fields: Fields,
    place: Place,
    prompt: String,
    form: Form,
) -> Result<Response, ApiError> {
    if app.0.parts.executor.is_none() {
        return Err(fields.error("tests", "this server has no sandbox to run them in"));
    }
    app.check_size(if form == Form::Chat { "messages" } else { "prompt" }, prompt.len())?;
    let asked = read(&app, fields, prompt, form)?;
    let slot = app.0.admission.work(place).await?;
    let id = app.request_id(if form == Form::Chat { "chatcmpl" } else { "cmpl" });
    if asked.stream {
        let ignored = asked.ignored.clone();
        let reply = stream::respond(app.clone(), move |events| async move {
            apart(slot, move || async move { streamed(&app, &asked, id, events).await }).await?;
            Ok(())
        });
        return Ok(tell(reply, &ignored));
    }
    let sink = Sink { metrics: Arc::clone(&app.0.metrics), stream: None };
    let own = app.clone();
    let work = move || async move { Ok((carry_out(&own, &asked, &sink).await?, asked)) };
    let (slot, (solution, asked)) = apart(slot, work).await?;
    drop(slot);
    let usage = count(&app, &solution);
    let (choice, _) = choice(&asked, &solution, false)?;
    let reply = json_response(&Envelope {
        id: &id,
        object: object(form, false),
        created: now(),
        model: app.name(),
        choices: vec![choice],
        usage: Some(usage.json()),
        egcfg: None,
        warnings: warnings(&asked.ignored),
    })?;
    Ok(tell(reply, &asked.ignored))
}

async fn carry_out(app: &App, asked: &Asked, sink: &Sink) -> Result<Solution, ApiError> {
    let Some(executor) = &app.0.parts.executor else {
        return Err(ApiError::sandbox("this server has no sandbox"));
    };
    let cache = ExecutionCache::default();
    let session = Session {
        model: app.model(),
        executor: &**executor,
        template: &app.0.parts.template,
        task: &asked.task,
        cache: &cache,
        events: sink,
    };
    let solution = solve_in_order(session, &asked.settings, &asked.order).await?;
    app.0.metrics.guided(solution.solved());
    Ok(solution)
}

async fn streamed(app: &App, asked: &Asked, id: String, events: Events) -> Result<(), ApiError> {
    let chunks = Chunks { events, form: asked.form, id, model: app.name().to_owned(), created: now() };
    if asked.form == Form::Chat {
        let opening =
            json!({ "index": 0, "delta": { "role": "assistant", "content": "" }, "finish_reason": null });
        chunks.send(Some(opening), None, None);
    }
    let sink = Sink { metrics: Arc::clone(&app.0.metrics), stream: Some(chunks) };
    let solution = carry_out(app, asked, &sink).await?;
    let usage = count(app, &solution);
    let (choice, own) = choice(asked, &solution, true)?;
    if let Some(chunks) = &sink.stream {
        chunks.send(Some(choice), None, Some(own));
        if asked.include_usage {
            chunks.send(None, Some(usage.json()), None);
        }
    }
    Ok(())
}

/// What all attempts cost: every token drawn counts.
fn count(app: &App, solution: &Solution) -> Usage {
    let stats = solution.stats();
    let usage = Usage {
        prompt: stats.prompt_tokens,
        completion: stats.generated_tokens(),
        cached: stats.cached_tokens,
    };
    app.0.metrics.tokens(usage.prompt, usage.completion, usage.cached);
    usage
}
