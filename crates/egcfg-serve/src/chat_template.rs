//! Conversations as prompts: through the model's own chat template, or, for a model without one, through egcfg's prompt
//! template. What the messages say is encoded as plain text; special tokens are recognised in what the template wrote
//! only, so no message can end its own turn.

use egcfg_guidance::Template;
use egcfg_model::{Encode, LanguageModel, TokenId};
use egcfg_task::Task;
use minijinja::{Environment, Error, ErrorKind, context};
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::messages::{Message, request};

/// A conversation as tokens, and the texts that end the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChatPrompt {
    pub(crate) tokens: Vec<TokenId>,
    pub(crate) stops: Vec<String>,
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

/// Steps that a template may take, and bytes that it may write; a thousand messages take a fraction of either.
const FUEL: u64 = 3_000_000;
const WRITTEN: usize = 4 << 20;

/// Takes so many bytes and no more.
struct Bounded(Vec<u8>);

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > WRITTEN {
            return Err(std::io::Error::other(format!("writes more than {WRITTEN} bytes")));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn render(chat: &str, messages: &[Message]) -> Result<String, String> {
    let mut env = Environment::new();
    env.set_fuel(Some(FUEL));
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
    let mut written = Bounded(Vec::new());
    let fail = |error: Error| {
        let mut text = format!("the model's chat template: {error:#}");
        let mut cause = std::error::Error::source(&error);
        while let Some(deeper) = cause {
            text = text + ": " + &deeper.to_string();
            cause = deeper.source();
        }
        text
    };
    let template = env.template_from_str(chat).map_err(fail)?;
    template.render_captured_to(values, &mut written).map_err(fail)?;
    String::from_utf8(written.0).map_err(|_| "the model's chat template: writes no text".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_that_does_not_end_is_ended() {
        let messages = [Message { role: "user".into(), content: "hi".into() }];
        let endless = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}";
        assert!(render(endless, &messages).unwrap_err().contains("fuel"));
        let large = "{% for a in range(9999) %}{{ 'x' * 1000 }}{% endfor %}";
        let error = render(large, &messages).unwrap_err();
        assert!(error.contains("bytes"), "{error}");
        let usual = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}";
        let many: Vec<Message> = std::iter::repeat_n(messages[0].clone(), 1024).collect();
        assert!(render(usual, &many).is_ok());
    }
}
