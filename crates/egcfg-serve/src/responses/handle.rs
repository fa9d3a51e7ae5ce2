//! Answers such requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::response::Response;
use egcfg_model::StopReason;
use serde_json::json;

use crate::admission::Place;
use crate::app::{App, now};
use crate::completion::PORTION;
use crate::compute::compute;
use crate::conversation::count;
use crate::draw::Drawing;
use crate::error::ApiError;
use crate::fields::Fields;
use crate::reply::{json_response, tell};
use crate::responses::asked::{Asked, read};
use crate::responses::reply::{Frame, Numbered, State};
use crate::stream::{Events, respond_with};

/// Answers a request.
pub(crate) async fn handle(app: App, mut fields: Fields, place: Place) -> Result<Response, ApiError> {
    let app = app.choose(fields.text("model")?.as_deref())?;
    let Asked { conversation, repeated, stream, ignored } = read(&app, fields)?;
    let slot = app.0.admission.work(place).await?;
    let own = app.clone();
    let (slot, (mut drawing, prompt)) = compute(slot, move || conversation.drawing(&own)).await?;
    let frame = Frame {
        id: app.request_id("resp"),
        item: app.request_id("msg"),
        created: now(),
        model: app.name().to_owned(),
        repeated,
    };
    if !stream {
        drawing.finish().await?;
        let (text, cut) = ended(&drawing);
        let usage = count(&app, &drawing, prompt);
        drop(slot);
        let state = State::Ended { text: &text, cut, usage };
        return Ok(tell(json_response(&frame.response(&state))?, &ignored));
    }
    let (frame, numbers) = (Arc::new(frame), Arc::new(AtomicU64::new(0)));
    let (ending, last) = (Arc::clone(&frame), Arc::clone(&numbers));
    let work = |events: Events| {
        let app = app.clone();
        async move {
            let _slot = slot;
            streamed(&app, &frame, drawing, prompt, &events, &numbers).await
        }
    };
    let reply = respond_with(app.clone(), work, move |events, ended| {
        if let Err(error) = ended {
            let mut events = Numbered { events, next: last.load(Ordering::Relaxed) };
            events.send("response.failed", json!({ "response": ending.response(&State::Failed(&error)) }));
        }
    });
    Ok(tell(reply, &ignored))
}

/// The text, and whether the limit of tokens cut it.
fn ended(drawing: &Drawing) -> (String, bool) {
    let lane = drawing.lanes.first();
    let text = lane.map(|lane| lane.shown(&drawing.params)).unwrap_or_default();
    (text, lane.and_then(|lane| lane.end) == Some(StopReason::Length))
}

async fn streamed(
    app: &App,
    frame: &Frame,
    mut drawing: Drawing,
    prompt: usize,
    events: &Events,
    numbers: &AtomicU64,
) -> Result<(), ApiError> {
    let mut events = Numbered { events, next: 0 };
    let place = json!({ "item_id": frame.item, "output_index": 0, "content_index": 0 });
    let at_place = |field: &str, value: serde_json::Value| {
        let mut event = place.clone();
        event[field] = value;
        event
    };
    let begun = frame.response(&State::Begun);
    events.send("response.created", json!({ "response": begun }));
    events.send("response.in_progress", json!({ "response": begun }));
    let message = frame.message("in_progress", &[]);
    events.send("response.output_item.added", json!({ "output_index": 0, "item": message }));
    events.send("response.content_part.added", at_place("part", Frame::part("")));
    let mut sent = 0;
    loop {
        numbers.store(events.next, Ordering::Relaxed);
        if !drawing.done() {
            drawing.advance(PORTION).await?;
        }
        if let Some(lane) = drawing.lanes.first() {
            let visible = lane.visible(&drawing.params).max(sent);
            if visible > sent {
                let text = String::from_utf8_lossy(&lane.text.bytes()[sent..visible]);
                let mut event = at_place("delta", json!(text));
                event["logprobs"] = json!([]);
                events.send("response.output_text.delta", event);
                sent = visible;
            }
        }
        if drawing.done() {
            break;
        }
    }
    let (text, cut) = ended(&drawing);
    let mut done = at_place("text", json!(text));
    done["logprobs"] = json!([]);
    events.send("response.output_text.done", done);
    events.send("response.content_part.done", at_place("part", Frame::part(&text)));
    let status = if cut { "incomplete" } else { "completed" };
    let message = frame.message(status, &[Frame::part(&text)]);
    events.send("response.output_item.done", json!({ "output_index": 0, "item": message }));
    let usage = count(app, &drawing, prompt);
    let response = frame.response(&State::Ended { text: &text, cut, usage });
    let kind = if cut { "response.incomplete" } else { "response.completed" };
    events.send(kind, json!({ "response": response }));
    Ok(())
}
