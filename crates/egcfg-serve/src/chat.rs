//! `/v1/chat/completions`: the conversation as a prompt, one completion or several, whole or as a stream. A request with
//! `tests` is a guided one.

use axum::response::Response;
use egcfg_task::derive_seed;
use serde_json::{Value, json};

use crate::admission::Place;
use crate::app::{App, now};
use crate::asked::{include_usage, params};
use crate::chat_template;
use crate::completion::PORTION;
use crate::draw::{Drawing, Lane};
use crate::error::ApiError;
use crate::fields::Fields;
use crate::guided;
use crate::reply::{Envelope, Usage, chat_log_probs, json_response};
use crate::rows::{Names, Wanted};
use crate::stream::{self, Events};

/// Answers a chat request.
pub(crate) async fn handle(app: App, mut fields: Fields, place: Place) -> Result<Response, ApiError> {
    app.check_model(fields.text("model")?.as_deref())?;
    let messages = chat_template::messages(&mut fields, app.limits().messages)?;
    if fields.has("tests") {
        let prompt = chat_template::request(&messages);
        return guided::handle(app, fields, place, prompt, guided::Form::Chat).await;
    }
    for (field, neutral) in [
        ("tools", vec![json!([])]),
        ("functions", vec![json!([])]),
        ("response_format", vec![json!({ "type": "text" })]),
    ] {
        fields.refuse(field, &neutral)?;
    }
    let limits = app.limits();
    let prompt = chat_template::prompt(app.model(), &app.0.parts.template, &messages)?;
    let (length, context) = (prompt.tokens.len(), app.model().info().context);
    if length > limits.prompt_tokens || length + 1 > context {
        let message =
            format!("{length} tokens leave no room in a context of {}", context.min(limits.prompt_tokens));
        return Err(fields.error("messages", message).code("context_length_exceeded"));
    }
    let mut params = params(&app, &mut fields)?;
    params.stops.extend(prompt.stops);
    let n = fields.count("n", limits.choices)?.unwrap_or(1);
    if n == 0 {
        return Err(fields.error("n", "must be above 0"));
    }
    let room = context - length;
    let most = fields
        .count("max_completion_tokens", limits.max_tokens)?
        .or(fields.count("max_tokens", limits.max_tokens)?)
        .unwrap_or(limits.max_tokens)
        .min(room);
    let logprobs = fields.flag("logprobs")?;
    let top = fields.count("top_logprobs", limits.logprobs)?;
    if top.is_some_and(|top| top > 0) && !logprobs {
        return Err(fields.error("top_logprobs", "needs logprobs: true"));
    }
    let top = top.unwrap_or(0);
    if logprobs {
        if top.saturating_mul(most * n) > limits.entries {
            return Err(
                fields.error("top_logprobs", format!("asks for more than {} entries", limits.entries))
            );
        }
        params.wanted = Some(Wanted { top, ids: Vec::new() });
    }
    let seed = fields.seed("seed")?.unwrap_or_else(|| app.fresh_seed());
    let lanes: Vec<Lane> = (0..n)
        .map(|index| {
            let seed = if index == 0 { seed } else { derive_seed(seed, &["choice", &index.to_string()]) };
            Lane::new(0, prompt.tokens.clone(), seed, most)
        })
        .collect();
    let streams = fields.flag("stream")?;
    let usage_wanted = include_usage(&mut fields)?;
    let slot = app.0.admission.work(place).await?;
    let id = app.request_id("chatcmpl");
    if streams {
        let limit = app.limits().time;
        return Ok(stream::respond(limit, move |events| async move {
            let _slot = slot;
            let drawing = Drawing::new(app.model(), params, lanes);
            streamed(&app, drawing, length, &id, usage_wanted, &events).await
        }));
    }
    let mut drawing = Drawing::new(app.model(), params, lanes);
    drawing.finish().await?;
    drop(slot);
    let names = Names { model: app.model(), ids: false };
    let choices: Vec<Value> = drawing
        .lanes
        .iter()
        .enumerate()
        .map(|(index, lane)| {
            json!({
                "index": index,
                "message": { "role": "assistant", "content": lane.text(&drawing.params) },
                "logprobs": logprobs.then(|| chat_log_probs(names, &lane.rows)),
                "finish_reason": lane.finish_reason(),
            })
        })
        .collect();
    let usage = count(&app, &drawing, length);
    json_response(&Envelope {
        id: &id,
        object: "chat.completion",
        created: now(),
        model: &app.0.name,
        choices,
        usage: Some(usage.json()),
        egcfg: None,
    })
}

fn count(app: &App, drawing: &Drawing<'_>, prompt: usize) -> Usage {
    let completion = drawing.lanes.iter().map(|lane| lane.tokens.len()).sum();
    let usage = Usage { prompt, completion, cached: drawing.cached };
    app.0.metrics.tokens(usage.prompt, usage.completion, usage.cached);
    usage
}

async fn streamed(
    app: &App,
    mut drawing: Drawing<'_>,
    prompt: usize,
    id: &str,
    usage_wanted: bool,
    events: &Events,
) -> Result<(), ApiError> {
    let created = now();
    let send = |choices: Vec<Value>, usage: Option<Value>| {
        events.send(&Envelope {
            id,
            object: "chat.completion.chunk",
            created,
            model: &app.0.name,
            choices,
            usage,
            egcfg: None,
        });
    };
    let names = Names { model: app.model(), ids: false };
    let opening = |index| json!({ "index": index, "delta": { "role": "assistant", "content": "" }, "finish_reason": null });
    send((0..drawing.lanes.len()).map(opening).collect(), None);
    // Text, rows and the end of each completion that were sent.
    let mut sent = vec![(0, 0, false); drawing.lanes.len()];
    loop {
        if !drawing.done() {
            drawing.advance(PORTION).await?;
        }
        let mut choices = Vec::new();
        for (index, lane) in drawing.lanes.iter().enumerate() {
            let (text_sent, rows_sent, ended) = sent[index];
            if ended {
                continue;
            }
            let visible = lane.visible(&drawing.params).max(text_sent);
            let text = String::from_utf8_lossy(&lane.bytes[text_sent..visible]);
            let rows = &lane.rows[rows_sent..];
            choices.push(json!({
                "index": index,
                "delta": if text.is_empty() { json!({}) } else { json!({ "content": text }) },
                "logprobs": drawing.params.wanted.is_some().then(|| chat_log_probs(names, rows)),
                "finish_reason": lane.finish_reason(),
            }));
            sent[index] = (visible, lane.rows.len(), lane.end.is_some());
        }
        if !choices.is_empty() {
            send(choices, None);
        }
        if drawing.done() {
            break;
        }
    }
    let usage = count(app, &drawing, prompt);
    if usage_wanted {
        send(Vec::new(), Some(usage.json()));
    }
    Ok(())
}
