//! `/v1/completions`: the request's fields, the drawing, and the reply whole or as a stream. A request with `tests` is a
//! guided one.

use axum::response::Response;
use egcfg_model::{LanguageModel, TokenId};
use serde_json::Value;

use crate::admission::Place;
use crate::app::{App, now};
use crate::asked::{Asked, read};
use crate::draw::Drawing;
use crate::error::ApiError;
use crate::fields::Fields;
use crate::guided;
use crate::reply::{Choice, Envelope, PromptLogProbs, TextLogProbs, Usage, json_response};
use crate::rows::Names;
use crate::score::{Scored, along};
use crate::stream;

/// Tokens that a stream draws at a time.
pub(crate) const PORTION: usize = 4;

/// Answers a completion request.
pub(crate) async fn handle(app: App, mut fields: Fields, place: Place) -> Result<Response, ApiError> {
    app.check_model(fields.text("model")?.as_deref())?;
    if fields.has("tests") {
        let prompt = match fields.take("prompt") {
            Some(Value::String(text)) => text,
            Some(Value::Array(list)) if list.len() == 1 && list[0].is_string() => {
                list[0].as_str().unwrap_or_default().to_owned()
            }
            Some(_) => return Err(fields.error("prompt", "a guided request takes one prompt as a string")),
            None => return Err(fields.error("prompt", "is missing")),
        };
        return guided::handle(app, fields, place, prompt, guided::Form::Completion).await;
    }
    let asked = read(&app, fields)?;
    let slot = app.0.admission.work(place).await?;
    let id = app.request_id("cmpl");
    if asked.stream {
        let limit = app.limits().time;
        return Ok(stream::respond(limit, move |events| async move {
            let _slot = slot;
            streamed(&app, asked, &id, &events).await
        }));
    }
    let body = whole(&app, asked, &id).await?;
    drop(slot);
    Ok(body)
}

/// Draws and scores everything. A single most probable token needs its distribution only, so it comes with the scores.
async fn carry_out<'m>(
    app: &App,
    model: &'m dyn LanguageModel,
    asked: &mut Asked,
) -> Result<(Drawing<'m>, Vec<Scored>, Usage), ApiError> {
    let lanes = std::mem::take(&mut asked.lanes);
    let one = asked.params.temperature == 0.0
        && lanes.len() == asked.prompts.len()
        && lanes.iter().all(|lane| lane.max_tokens == 1 && lane.end.is_none());
    let (mut scored, mut cached) = (Vec::new(), 0);
    if one || !asked.from.is_empty() {
        let ends: Vec<usize> = asked.prompts.iter().map(Vec::len).collect();
        let from = if asked.from.is_empty() { &ends } else { &asked.from };
        (scored, cached) = along(model, &asked.prompts, from, &asked.wanted).await?;
    }
    let mut drawing = Drawing::new(model, asked.params.clone(), lanes);
    if one {
        for (lane, scored) in drawing.lanes.iter_mut().zip(&mut scored) {
            if let Some(row) = scored.last.take() {
                lane.force(model, &asked.params, &row);
            }
        }
    } else {
        for scored in &mut scored {
            scored.last = None;
        }
        drawing.finish().await?;
        if scored.is_empty() {
            cached = drawing.cached;
        }
    }
    let usage = Usage {
        prompt: asked.prompts.iter().map(Vec::len).sum(),
        completion: drawing.lanes.iter().map(|lane| lane.tokens.len()).sum(),
        cached,
    };
    app.0.metrics.tokens(usage.prompt, usage.completion, usage.cached);
    Ok((drawing, scored, usage))
}

async fn whole(app: &App, mut asked: Asked, id: &str) -> Result<Response, ApiError> {
    let model = app.model();
    let (drawing, scored, usage) = carry_out(app, model, &mut asked).await?;
    let names = Names { model, ids: asked.ids_as_names };
    let mut choices = Vec::with_capacity(drawing.lanes.len());
    for (index, lane) in drawing.lanes.iter().enumerate() {
        let prompt = &asked.prompts[lane.prompt];
        let rows = scored.get(lane.prompt).map(|scored| scored.rows.as_slice()).unwrap_or_default();
        let (mut text, mut offset) = (String::new(), 0);
        if asked.echo {
            text = text_of(model, prompt);
        }
        let logprobs = drawing.params.wanted.is_some().then(|| {
            let mut lists = TextLogProbs::empty();
            if asked.echo {
                lists.extend(names, prompt, rows, &mut offset);
            }
            lists.extend(names, &lane.tokens, &lane.rows, &mut offset);
            lists
        });
        text.push_str(&lane.text(&drawing.params));
        choices.push(Choice {
            index,
            text,
            logprobs,
            finish_reason: lane.finish_reason(),
            stop_reason: lane.stop_at(&drawing.params.stops).map(|(_, stop)| stop.to_owned()),
            token_ids: asked.token_ids.then_some(lane.tokens.as_slice()),
            prompt_token_ids: asked.token_ids.then_some(prompt.as_slice()),
            prompt_logprobs: asked.prompt_logprobs.then(|| PromptLogProbs {
                rows,
                from_start: asked.from.get(lane.prompt) == Some(&1),
                names,
            }),
            egcfg: None,
        });
    }
    json_response(&Envelope {
        id,
        object: "text_completion",
        created: now(),
        model: &app.0.name,
        choices,
        usage: Some(usage.json()),
        egcfg: None,
    })
}

async fn streamed(app: &App, asked: Asked, id: &str, events: &stream::Events) -> Result<(), ApiError> {
    let model = app.model();
    let names = Names { model, ids: asked.ids_as_names };
    let created = now();
    let mut drawing = Drawing::new(model, asked.params.clone(), asked.lanes.clone());
    // Text and tokens of each completion that were sent.
    let mut sent = vec![(0, 0); drawing.lanes.len()];
    let mut first = asked.echo;
    let mut offsets: Vec<usize> = vec![0; drawing.lanes.len()];
    loop {
        if !drawing.done() {
            drawing.advance(PORTION).await?;
        }
        let mut choices = Vec::new();
        for (index, lane) in drawing.lanes.iter().enumerate() {
            let (text_sent, tokens_sent) = sent[index];
            let visible = lane.visible(&drawing.params).max(text_sent);
            let ended_now = lane.end.is_some() && tokens_sent != usize::MAX;
            if !ended_now && (tokens_sent == usize::MAX || lane.tokens.len() == tokens_sent) {
                continue;
            }
            let mut text = if first { text_of(model, &asked.prompts[lane.prompt]) } else { String::new() };
            text.push_str(&String::from_utf8_lossy(&lane.bytes[text_sent..visible]));
            let logprobs = drawing.params.wanted.is_some().then(|| {
                let mut lists = TextLogProbs::empty();
                let rows = &lane.rows[tokens_sent.min(lane.rows.len())..];
                lists.extend(names, &lane.tokens[tokens_sent..], rows, &mut offsets[index]);
                lists
            });
            choices.push(Choice {
                index,
                text,
                logprobs,
                finish_reason: lane.finish_reason(),
                stop_reason: None,
                token_ids: asked.token_ids.then_some(&lane.tokens[tokens_sent..]),
                prompt_token_ids: None,
                prompt_logprobs: None,
                egcfg: None,
            });
            sent[index] = (visible, if lane.end.is_some() { usize::MAX } else { lane.tokens.len() });
        }
        first = false;
        if !choices.is_empty() {
            events.send(&chunk(app, id, created, choices, None));
        }
        if drawing.done() {
            break;
        }
    }
    let usage = Usage {
        prompt: asked.prompts.iter().map(Vec::len).sum(),
        completion: drawing.lanes.iter().map(|lane| lane.tokens.len()).sum(),
        cached: drawing.cached,
    };
    app.0.metrics.tokens(usage.prompt, usage.completion, usage.cached);
    if asked.include_usage {
        events.send(&chunk(app, id, created, Vec::new(), Some(usage.json())));
    }
    Ok(())
}

/// A part of a stream.
fn chunk<'a>(
    app: &'a App,
    id: &'a str,
    created: u64,
    choices: Vec<Choice<'a>>,
    usage: Option<Value>,
) -> Envelope<'a, Choice<'a>> {
    let model = &app.0.name;
    Envelope { id, object: "text_completion", created, model, choices, usage, egcfg: None }
}

fn text_of(model: &dyn LanguageModel, tokens: &[TokenId]) -> String {
    let bytes: Vec<u8> = tokens.iter().flat_map(|token| model.token_bytes(*token)).copied().collect();
    String::from_utf8_lossy(&bytes).into_owned()
}
