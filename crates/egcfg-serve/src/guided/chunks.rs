//! What happens while a guided request is decoded, counted and, for a stream, sent.

use std::sync::Arc;

use egcfg_guidance::{Event, EventSink};
use serde_json::{Value, json};

use crate::guided::asked::Form;
use crate::metrics::Metrics;
use crate::reply::Envelope;
use crate::stream::Events;

/// What a reply or a part of one calls itself.
pub(crate) fn object(form: Form, chunk: bool) -> &'static str {
    match (form, chunk) {
        (Form::Completion, _) => "text_completion",
        (Form::Chat, false) => "chat.completion",
        (Form::Chat, true) => "chat.completion.chunk",
    }
}

/// Counts and, for a stream, sends what happens.
pub(crate) struct Sink {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) stream: Option<Chunks>,
}

/// A stream's parts, each in the form's envelope.
pub(crate) struct Chunks {
    pub(crate) events: Events,
    pub(crate) form: Form,
    pub(crate) id: String,
    pub(crate) model: String,
    pub(crate) created: u64,
}

impl Chunks {
    /// Sends a part.
    pub(crate) fn send(&self, choice: Option<Value>, usage: Option<Value>, egcfg: Option<Value>) {
        self.events.send(&Envelope {
            id: &self.id,
            object: object(self.form, true),
            created: self.created,
            model: &self.model,
            choices: choice.into_iter().collect(),
            usage,
            egcfg,
            warnings: Vec::new(),
        });
    }

    /// A choice that adds nothing.
    fn nothing(&self) -> Value {
        match self.form {
            Form::Completion => json!({ "index": 0, "text": "", "logprobs": null, "finish_reason": null }),
            Form::Chat => json!({ "index": 0, "delta": {}, "finish_reason": null }),
        }
    }
}

impl EventSink for Sink {
    fn emit(&self, event: &Event) {
        self.metrics.observe(event);
        let Some(chunks) = &self.stream else { return };
        // Programs, traces and candidates are long, and the client has no use for them while it waits.
        let told = matches!(
            event,
            Event::Start { .. }
                | Event::GuidanceStarted { .. }
                | Event::Refresh { .. }
                | Event::Token { .. }
                | Event::Line { .. }
                | Event::Stopped { .. }
                | Event::Verdict { .. }
                | Event::Warning { .. }
        );
        if told && let Ok(value) = serde_json::to_value(event) {
            chunks.send(Some(chunks.nothing()), None, Some(value));
        }
    }
}
