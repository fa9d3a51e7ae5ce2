//! Conversations as prompts: through the model's own chat template, or, for a model without one, through egcfg's prompt
//! template. What the messages say is encoded as plain text; special tokens are recognised in what the template wrote
//! only, so no message can end its own turn.

use egcfg_guidance::Template;
use egcfg_model::{Encode, LanguageModel, TokenId};
use egcfg_task::Task;
use minijinja::{Environment, Error, ErrorKind, context};
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::fields::Fields;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) role: String,
    pub(crate) content: String,
}

/// A conversation as tokens, and the texts that end the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChatPrompt {
    pub(crate) tokens: Vec<TokenId>,
    pub(crate) stops: Vec<String>,
}

/// Reads `messages`.
pub(crate) fn messages(fields: &mut Fields, most: usize) -> Result<Vec<Message>, ApiError> {
    let Some(list) = fields.list("messages", most)? else {
        return Err(fields.error("messages", "is missing"));
    };
    if list.is_empty() {
        return Err(fields.error("messages", "is empty"));
    }
    let mut messages = Vec::with_capacity(list.len());
    for (index, value) in list.into_iter().enumerate() {
        let mut message = fields.element("messages", index, value)?;
        let role = message.text("role")?.ok_or_else(|| message.error("role", "is missing"))?;
        let role = if role == "developer" { "system".to_owned() } else { role };
        if !["system", "user", "assistant"].contains(&role.as_str()) {
            return Err(message.error("role", format!("'{role}' is not system, user or assistant")));
        }
        let content = match message.take("content") {
            Some(Value::String(text)) => text,
            Some(Value::Array(parts)) => parts_text(&message, parts)?,
            None => return Err(message.error("content", "is missing")),
            Some(_) => return Err(message.error("content", "expected a string or a list of text parts")),
        };
        messages.push(Message { role, content });
    }
    Ok(messages)
}

fn parts_text(message: &Fields, parts: Vec<Value>) -> Result<String, ApiError> {
    let mut text = String::new();
    for (index, value) in parts.into_iter().enumerate() {
        let mut part = message.element("content", index, value)?;
        match part.text("type")?.as_deref() {
            Some("text") => text.push_str(&part.text("text")?.unwrap_or_default()),
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

/// Writes a conversation as a prompt.
pub(crate) fn prompt(
    model: &dyn LanguageModel,
    template: &Template,
    messages: &[Message],
) -> Result<ChatPrompt, ApiError> {
    let mut tokens: Vec<TokenId> = model.info().bos.into_iter().collect();
    let Some(chat) = &model.info().chat_template else {
        let task = Task { prompt: request(messages), ..Task::default() };
        let rendered = template
            .render(&task, None)
            .map_err(|error| ApiError::field("messages", error.to_string()).code("template_error"))?;
        for part in [&rendered.head, &rendered.tail, &rendered.answer] {
            tokens.extend(model.encode(part, Encode::Plain)?);
        }
        return Ok(ChatPrompt { tokens, stops: template.end.clone() });
    };
    let text = render(chat, messages)
        .map_err(|reason| ApiError::field("messages", reason).code("template_error"))?;
    let mut rest = text.as_str();
    while let Some(start) = rest.find(OPEN) {
        let (before, marked) = (&rest[..start], &rest[start + OPEN.len()..]);
        tokens.extend(model.encode(before, Encode::Template)?);
        let Some((number, after)) = marked.split_once(CLOSE) else { break };
        let content = number.parse().ok().and_then(|at: usize| messages.get(at));
        let content = content.map_or("", |message| message.content.trim());
        tokens.extend(model.encode(content, Encode::Plain)?);
        rest = after;
    }
    tokens.extend(model.encode(rest, Encode::Template)?);
    Ok(ChatPrompt { tokens, stops: Vec::new() })
}

/// Private-use characters around a message's number stand for its content while the template is rendered.
const OPEN: &str = "\u{e000}\u{e0ff}";
const CLOSE: &str = "\u{e001}";

fn render(chat: &str, messages: &[Message]) -> Result<String, String> {
    let mut env = Environment::new();
    env.set_trim_blocks(true);
    env.set_lstrip_blocks(true);
    env.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    env.add_function("raise_exception", |message: String| -> Result<String, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, message))
    });
    let marked: Vec<Value> = messages
        .iter()
        .enumerate()
        .map(|(at, message)| json!({ "role": message.role, "content": format!("{OPEN}{at}{CLOSE}") }))
        .collect();
    let values =
        context! { messages => marked, add_generation_prompt => true, bos_token => "", eos_token => "" };
    env.render_str(chat, values).map_err(|error| format!("the model's chat template: {error:#}"))
}
