//! The fields of such a request.

use serde_json::{Value, json};

use crate::app::App;
use crate::conversation::Conversation;
use crate::error::ApiError;
use crate::fields::Fields;
use crate::messages::{Message, check_size, message};

/// A request, and what its reply repeats.
pub(crate) struct Asked {
    pub(crate) conversation: Conversation,
    pub(crate) repeated: Repeated,
    pub(crate) stream: bool,
    /// Fields that mean nothing here.
    pub(crate) ignored: Vec<String>,
}

/// What a reply says of its request.
pub(crate) struct Repeated {
    pub(crate) instructions: Option<String>,
    pub(crate) most: Option<usize>,
    pub(crate) temperature: f64,
    pub(crate) top_p: f64,
    pub(crate) metadata: Value,
}

/// Reads a request.
pub(crate) fn read(app: &App, mut fields: Fields) -> Result<Asked, ApiError> {
    for (field, neutral) in [
        ("tools", vec![json!([])]),
        ("tool_choice", vec![json!("none"), json!("auto")]),
        ("previous_response_id", vec![]),
        ("conversation", vec![]),
        ("background", vec![json!(false)]),
        ("include", vec![json!([])]),
        ("prompt", vec![]),
        ("truncation", vec![json!("disabled")]),
        ("top_logprobs", vec![json!(0)]),
        ("max_tool_calls", vec![]),
    ] {
        fields.refuse(field, &neutral)?;
    }
    if fields.has("tests") {
        let elsewhere = "guided requests are answered at /v1/chat/completions and /v1/completions";
        return Err(fields.error("tests", elsewhere).code("unsupported_parameter"));
    }
    if let Some(mut text) = fields.object("text")? {
        text.refuse("format", &[json!({ "type": "text" })])?;
    }
    fields.take("parallel_tool_calls");
    let metadata = fields.peek("metadata");
    let instructions = fields.text("instructions")?;
    let messages = messages(app, &mut fields, instructions.as_deref())?;
    let mut conversation = Conversation::read(app, &mut fields, messages)?;
    conversation.most = fields.count("max_output_tokens", app.limits().max_tokens)?;
    if conversation.most == Some(0) {
        return Err(fields.error("max_output_tokens", "must be above 0"));
    }
    let repeated = Repeated {
        instructions,
        most: conversation.most,
        temperature: conversation.params.temperature,
        top_p: conversation.params.top_p,
        metadata: if metadata.is_null() { json!({}) } else { metadata },
    };
    let stream = fields.flag("stream")?;
    fields.take("stream_options");
    Ok(Asked { conversation, repeated, stream, ignored: fields.rest() })
}

/// `instructions` and `input`: a text, or a list of messages.
fn messages(app: &App, fields: &mut Fields, instructions: Option<&str>) -> Result<Vec<Message>, ApiError> {
    let said = |role: &str, content: String| Message { role: role.to_owned(), content };
    let mut messages: Vec<Message> =
        instructions.map(|text| said("system", text.to_owned())).into_iter().collect();
    match fields.take("input") {
        None => return Err(fields.error("input", "is missing")),
        Some(Value::String(text)) => messages.push(said("user", text)),
        Some(Value::Array(list)) if list.is_empty() => return Err(fields.error("input", "is empty")),
        Some(Value::Array(list)) if list.len() > app.limits().messages => {
            let message = format!("{} entries are above the limit of {}", list.len(), app.limits().messages);
            return Err(fields.error("input", message));
        }
        Some(Value::Array(list)) => {
            for (index, value) in list.into_iter().enumerate() {
                let mut item = fields.element("input", index, value)?;
                match item.text("type")?.as_deref() {
                    None | Some("message") => messages.push(message(item)?),
                    Some(other) => {
                        let reason = format!("'{other}' is not supported by this server, only 'message' is");
                        return Err(item.error("type", reason).code("unsupported_parameter"));
                    }
                }
            }
        }
        Some(_) => return Err(fields.error("input", "expected a string or a list of messages")),
    }
    check_size(app, "input", &messages)?;
    Ok(messages)
}
