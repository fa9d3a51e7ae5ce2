//! The shapes of replies: the response as an object, and the events of a stream.

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::reply::Usage;
use crate::responses::asked::Repeated;
use crate::stream::Events;

/// What stays the same while a response grows.
pub(crate) struct Frame {
    pub(crate) id: String,
    pub(crate) item: String,
    pub(crate) created: u64,
    pub(crate) model: String,
    pub(crate) repeated: Repeated,
}

/// How far a response is.
pub(crate) enum State<'a> {
    Begun,
    Failed(&'a ApiError),
    Ended { text: &'a str, cut: bool, usage: Usage },
}

impl Frame {
    /// The text as a part of a message.
    pub(crate) fn part(text: &str) -> Value {
        json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
    }

    pub(crate) fn message(&self, status: &str, content: &[Value]) -> Value {
        json!({
            "id": self.item, "type": "message", "role": "assistant", "status": status, "content": content,
        })
    }

    /// The whole response.
    pub(crate) fn response(&self, state: &State<'_>) -> Value {
        let (status, output, usage, error, cut) = match state {
            State::Begun => ("in_progress", json!([]), Value::Null, Value::Null, false),
            State::Failed(error) => {
                let told = json!({ "code": error.code_or_kind(), "message": error.to_string() });
                ("failed", json!([]), Value::Null, told, false)
            }
            State::Ended { text, cut, usage } => {
                let status = if *cut { "incomplete" } else { "completed" };
                let message = self.message(status, &[Self::part(text)]);
                (status, json!([message]), costs(*usage), Value::Null, *cut)
            }
        };
        let Repeated { instructions, most, temperature, top_p, metadata } = &self.repeated;
        json!({
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "status": status,
            "background": false,
            "error": error,
            "incomplete_details": if cut { json!({ "reason": "max_output_tokens" }) } else { Value::Null },
            "instructions": instructions,
            "max_output_tokens": most,
            "metadata": metadata,
            "model": self.model,
            "output": output,
            "parallel_tool_calls": false,
            "previous_response_id": null,
            "reasoning": { "effort": null, "summary": null },
            "store": false,
            "temperature": temperature,
            "text": { "format": { "type": "text" } },
            "tool_choice": "none",
            "tools": [],
            "top_p": top_p,
            "truncation": "disabled",
            "usage": usage,
        })
    }
}

fn costs(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.prompt,
        "input_tokens_details": { "cached_tokens": usage.cached.min(usage.prompt) },
        "output_tokens": usage.completion,
        "output_tokens_details": { "reasoning_tokens": 0 },
        "total_tokens": usage.prompt + usage.completion,
    })
}

/// A stream's events, numbered.
pub(crate) struct Numbered<'e> {
    pub(crate) events: &'e Events,
    pub(crate) next: u64,
}

impl Numbered<'_> {
    /// Sends an event of a kind.
    pub(crate) fn send(&mut self, kind: &str, mut value: Value) {
        value["type"] = json!(kind);
        value["sequence_number"] = json!(self.next);
        self.next += 1;
        self.events.send_named(kind, &value);
    }
}
