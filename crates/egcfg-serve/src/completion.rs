//! `/v1/completions`: the request's fields, the drawing, and the reply whole or as a stream. A request with `tests` is a
//! guided one.

use axum::response::Response;
use egcfg_model::{LanguageModel, TokenId};
use serde_json::Value;

use crate::admission::{Place, Slot};
use crate::app::{App, now};
use crate::asked::{Asked, read};
use crate::compute::compute;
use crate::draw::Drawing;
use crate::error::ApiError;
use crate::fields::Fields;
use crate::guided;
use crate::reply::{
    Choice, Envelope, PromptLogProbs, TextLogProbs, Usage, json_bytes, response, tell, warnings,
};
use crate::rows::Names;
use crate::score::{Scored, along};
use crate::stream;

/// Tokens that a stream draws at a time.
pub(crate) const PORTION: usize = 4;

/// Answers a completion request.
pub(crate) async fn handle(app: App, mut fields: Fields, place: Place) -> Result<Response, ApiError> {
    let app = app.choose(fields.text("model")?.as_deref())?;
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
    let mut draft = read(&app, fields)?;
    let ignored = std::mem::take(&mut draft.ignored);
    let slot = app.0.admission.work(place).await?;
    let own = app.clone();
    let (slot, asked) = compute(slot, move || draft.finish(&own)).await?;
    let id = app.request_id("cmpl");
    let reply = if asked.stream {
        stream::respond(app.clone(), move |events| async move {
            let _slot = slot;
            streamed(&app, asked, &id, &events).await
        })
    } else {
        whole(&app, slot, asked, id, ignored.clone()).await?
    };
    Ok(tell(reply, &ignored))
}

/// Draws and scores everything. A single most probable token needs its distribution only, so it comes with the scores.
async fn carry_out(app: &App, asked: &mut Asked) -> Result<(Drawing, Vec<Scored>, Usage), ApiError> {
    let model = app.model();
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
    let mut drawing = Drawing::new(app.shared_model(), asked.params.clone(), lanes);
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
    let usage = count(app, asked, &drawing, cached);
    Ok((drawing, scored, usage))
}

fn count(app: &App, asked: &Asked, drawing: &Drawing, cached: usize) -> Usage {
    let usage = Usage {
        prompt: asked.prompts.iter().map(Vec::len).sum(),
        completion: drawing.lanes.iter().map(|lane| lane.tokens.len()).sum(),
        cached,
    };
    app.0.metrics.tokens(usage.prompt, usage.completion, usage.cached);
    usage
}

async fn whole(
    app: &App,
    slot: Slot,
    mut asked: Asked,
    id: String,
    ignored: Vec<String>,
) -> Result<Response, ApiError> {
    let (drawing, scored, usage) = carry_out(app, &mut asked).await?;
    let own = app.clone();
    let write = move || {
        let choices = (0..drawing.lanes.len()).map(|index| choice(&asked, &drawing, &scored, index));
        json_bytes(&Envelope {
            id: &id,
            object: "text_completion",
            created: now(),
            model: own.name(),
            choices: choices.collect(),
            usage: Some(usage.json()),
            egcfg: None,
            warnings: warnings(&ignored),
        })
    };
    let (_slot, body) = compute(slot, write).await?;
    Ok(response(body))
}

/// One completion as it is told whole.
fn choice<'a>(asked: &'a Asked, drawing: &'a Drawing, scored: &'a [Scored], index: usize) -> Choice<'a> {
    let lane = &drawing.lanes[index];
    let mut choice = opening(asked, drawing, scored, index);
    let mut offset = choice.text.chars().count();
    if let Some(lists) = &mut choice.logprobs {
        lists.extend(names(asked, drawing), &lane.tokens, &lane.rows, &mut offset);
    }
    choice.text.push_str(&lane.shown(&drawing.params));
    choice.finish_reason = lane.finish_reason();
    choice.stop_reason = lane.stopped_by().map(str::to_owned);
    choice.token_ids = asked.token_ids.then_some(lane.tokens.as_slice());
    choice
}

/// What stands before a completion: the prompt with its log-probabilities, as far as it was asked for.
fn opening<'a>(asked: &'a Asked, drawing: &'a Drawing, scored: &'a [Scored], index: usize) -> Choice<'a> {
    let at = drawing.lanes[index].prompt;
    let (prompt, names) = (&asked.prompts[at], names(asked, drawing));
    let rows = scored.get(at).map(|scored| scored.rows.as_slice()).unwrap_or_default();
    let logprobs = drawing.params.wanted.is_some().then(|| {
        let mut lists = TextLogProbs::empty();
        if asked.echo {
            lists.extend(names, prompt, rows, &mut 0);
        }
        lists
    });
    Choice {
        index,
        text: if asked.echo { text_of(&*drawing.model, prompt) } else { String::new() },
        logprobs,
        finish_reason: None,
        stop_reason: None,
        token_ids: None,
        prompt_token_ids: asked.token_ids.then_some(prompt.as_slice()),
        prompt_logprobs: asked.prompt_logprobs.then(|| PromptLogProbs {
            rows,
            from_start: asked.from.get(at) == Some(&1),
            names,
        }),
        egcfg: None,
    }
}

fn names<'a>(asked: &Asked, drawing: &'a Drawing) -> Names<'a> {
    Names { model: &*drawing.model, ids: asked.ids_as_names }
}

async fn streamed(app: &App, mut asked: Asked, id: &str, events: &stream::Events) -> Result<(), ApiError> {
    let created = now();
    let (scored, scores_cached) = if asked.from.is_empty() {
        (Vec::new(), 0)
    } else {
        along(app.model(), &asked.prompts, &asked.from, &asked.wanted).await?
    };
    let mut drawing =
        Drawing::new(app.shared_model(), asked.params.clone(), std::mem::take(&mut asked.lanes));
    // Text and tokens of each completion that were sent, and how far its text reaches with the prompt's.
    let mut sent = vec![(0, 0); drawing.lanes.len()];
    let mut offsets: Vec<usize> = vec![0; drawing.lanes.len()];
    let mut first = true;
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
            let mut choice = if first {
                let choice = opening(&asked, &drawing, &scored, index);
                offsets[index] = choice.text.chars().count();
                choice
            } else {
                Choice {
                    logprobs: asked.params.wanted.is_some().then(TextLogProbs::empty),
                    ..Choice::of(index)
                }
            };
            if let Some(lists) = &mut choice.logprobs {
                let rows = &lane.rows[tokens_sent.min(lane.rows.len())..];
                lists.extend(names(&asked, &drawing), &lane.tokens[tokens_sent..], rows, &mut offsets[index]);
            }
            choice.text.push_str(&String::from_utf8_lossy(&lane.text.bytes()[text_sent..visible]));
            choice.finish_reason = lane.finish_reason();
            choice.token_ids = asked.token_ids.then_some(&lane.tokens[tokens_sent..]);
            choices.push(choice);
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
    let cached = if scored.is_empty() { drawing.cached } else { scores_cached };
    let usage = count(app, &asked, &drawing, cached);
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
    let model = app.name();
    Envelope {
        id,
        object: "text_completion",
        created,
        model,
        choices,
        usage,
        egcfg: None,
        warnings: Vec::new(),
    }
}

fn text_of(model: &dyn LanguageModel, tokens: &[TokenId]) -> String {
    let bytes: Vec<u8> = tokens.iter().flat_map(|token| model.token_bytes(*token)).copied().collect();
    String::from_utf8_lossy(&bytes).into_owned()
}
