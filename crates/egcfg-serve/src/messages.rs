//! The messages of a conversation, as its fields have them.

use serde_json::Value;

use crate::app::App;
use crate::error::ApiError;
use crate::fields::Fields;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) role: String,
    pub(crate) content: String,
}

/// Reads `messages`.
pub(crate) fn messages(app: &App, fields: &mut Fields) -> Result<Vec<Message>, ApiError> {
    let Some(list) = fields.list("messages", app.limits().messages)? else {
        return Err(fields.error("messages", "is missing"));
    };
    if list.is_empty() {
        return Err(fields.error("messages", "is empty"));
    }
    let mut messages = Vec::with_capacity(list.len());
    for (index, value) in list.into_iter().enumerate() {
        messages.push(message(fields.element("messages", index, value)?)?);
    }
    check_size(app, "messages", &messages)?;
    Ok(messages)
}

/// Refuses conversations that are too long for the context whatever their tokens are.
pub(crate) fn check_size(app: &App, field: &str, messages: &[Message]) -> Result<(), ApiError> {
    app.check_size(field, messages.iter().map(|message| message.content.len()).sum())
}

/// Reads one message.
pub(crate) fn message(mut message: Fields) -> Result<Message, ApiError> {
    let role = message.text("role")?.ok_or_else(|| message.error("role", "is missing"))?;
    let role = if role == "developer" { "system".to_owned() } else { role };
    if !["system", "user", "assistant"].contains(&role.as_str()) {
        return Err(message.error("role", format!("'{role}' is not system, user or assistant")));
    }
    message.refuse("tool_calls", &[serde_json::json!([])])?;
    message.refuse("function_call", &[])?;
    let content = match message.take("content") {
        Some(Value::String(text)) => text,
        Some(Value::Array(parts)) => parts_text(&message, parts)?,
        None => return Err(message.error("content", "is missing")),
        Some(_) => return Err(message.error("content", "expected a string or a list of text parts")),
    };
    Ok(Message { role, content })
}

fn parts_text(message: &Fields, parts: Vec<Value>) -> Result<String, ApiError> {
    let mut text = String::new();
    for (index, value) in parts.into_iter().enumerate() {
        let mut part = message.element("content", index, value)?;
        match part.text("type")?.as_deref() {
            Some("text" | "input_text" | "output_text") => {
                text.push_str(&part.text("text")?.unwrap_or_default());
            }
            _ => return Err(part.error("type", "only parts of type 'text' are understood")),
        }
    }
    Ok(text)
}

/// What a conversation asks for, in words: all that was said by the system and the user.
pub(crate) fn request(messages: &[Message]) -> String {
    let said: Vec<&str> = messages
        .iter()
        .filter(|message| message.role != "assistant")
        .map(|message| message.content.trim())
        .filter(|content| !content.is_empty())
        .collect();
    said.join("\n\n")
}
