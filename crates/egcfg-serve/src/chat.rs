//! `/v1/chat/completions`: the conversation as a prompt, one completion or several, whole or as a stream. A request with
//! `tests` is a guided one.

use axum::response::Response;
use serde_json::{Value, json};

use crate::admission::{Place, Slot};
use crate::app::{App, now};
use crate::asked::include_usage;
use crate::completion::PORTION;
use crate::compute::compute;
use crate::conversation::{Conversation, count, refuse};
use crate::draw::Drawing;
use crate::error::ApiError;
use crate::fields::Fields;
use crate::guided;
use crate::messages;
use crate::reply::{Envelope, chat_log_probs, json_bytes, response, tell, warnings};
use crate::rows::Names;
use crate::stream::{self, Events};

/// Answers a chat request.
pub(crate) async fn handle(app: App, mut fields: Fields, place: Place) -> Result<Response, ApiError> {
    let app = app.choose(fields.text("model")?.as_deref())?;
    let messages = messages::messages(&app, &mut fields)?;
    refuse(&mut fields)?;
    if fields.has("tests") {
        let prompt = messages::request(&messages);
        return guided::handle(app, fields, place, prompt, guided::Form::Chat).await;
    }
    let limits = app.limits();
    let mut conversation = Conversation::read(&app, &mut fields, messages)?;
    conversation.n = fields.count("n", limits.choices)?.unwrap_or(1);
    if conversation.n == 0 {
        return Err(fields.error("n", "must be above 0"));
    }
    let newer = fields.count("max_completion_tokens", limits.max_tokens)?;
    conversation.most = newer.or(fields.count("max_tokens", limits.max_tokens)?);
    let logprobs = fields.flag("logprobs")?;
    let top = fields.count("top_logprobs", limits.logprobs)?.unwrap_or(0);
    if logprobs {
        conversation.want(top);
    } else if top > 0 {
        return Err(fields.error("top_logprobs", "needs logprobs: true"));
    }
    let streams = fields.flag("stream")?;
    let usage_wanted = include_usage(&mut fields)?;
    let ignored = fields.rest();
    let slot = app.0.admission.work(place).await?;
    let own = app.clone();
    let (slot, (drawing, length)) = compute(slot, move || conversation.drawing(&own)).await?;
    let id = app.request_id("chatcmpl");
    let reply = if streams {
        stream::respond(app.clone(), move |events| async move {
            let _slot = slot;
            streamed(&app, drawing, length, &id, usage_wanted, &events).await
        })
    } else {
        whole(&app, slot, drawing, length, id, ignored.clone()).await?
    };
    Ok(tell(reply, &ignored))
}

async fn whole(
    app: &App,
    slot: Slot,
    mut drawing: Drawing,
    prompt: usize,
    id: String,
    ignored: Vec<String>,
) -> Result<Response, ApiError> {
    drawing.finish().await?;
    let own = app.clone();
    let write = move || {
        let names = Names { model: &*drawing.model, ids: false };
        let logprobs = drawing.params.wanted.is_some();
        let choices = drawing.lanes.iter().enumerate().map(|(index, lane)| {
            json!({
                "index": index,
                "message": { "role": "assistant", "content": lane.shown(&drawing.params), "refusal": null },
                "logprobs": logprobs.then(|| chat_log_probs(names, &lane.rows)),
                "finish_reason": lane.finish_reason(),
            })
        });
        json_bytes(&Envelope {
            id: &id,
            object: "chat.completion",
            created: now(),
            model: own.name(),
            choices: choices.collect::<Vec<Value>>(),
            usage: Some(count(&own, &drawing, prompt).json()),
            egcfg: None,
            warnings: warnings(&ignored),
        })
    };
    let (_slot, body) = compute(slot, write).await?;
    Ok(response(body))
}

async fn streamed(
    app: &App,
    mut drawing: Drawing,
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
            model: app.name(),
            choices,
            usage,
            egcfg: None,
            warnings: Vec::new(),
        });
    };
    let opening = |index| json!({ "index": index, "delta": { "role": "assistant", "content": "" }, "finish_reason": null });
    send((0..drawing.lanes.len()).map(opening).collect(), None);
    // Text, rows and the end of each completion that were sent.
    let mut sent = vec![(0, 0, false); drawing.lanes.len()];
    loop {
        if !drawing.done() {
            drawing.advance(PORTION).await?;
        }
        let names = Names { model: &*drawing.model, ids: false };
        let mut choices = Vec::new();
        for (index, lane) in drawing.lanes.iter().enumerate() {
            let (text_sent, rows_sent, ended) = sent[index];
            if ended {
                continue;
            }
            let visible = lane.visible(&drawing.params).max(text_sent);
            let text = String::from_utf8_lossy(&lane.text.bytes()[text_sent..visible]);
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
