//! Conversations as prompts: through the model's own chat template, or, for a model without one, through egcfg's prompt
//! template. May take long, so it is called off the threads that carry requests.

use egcfg_guidance::Template;
use egcfg_model::{ChatError, ChatTemplate, Encode, LanguageModel, Thoughts, TokenId};
use egcfg_task::Task;

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
    let Some(chat) = ChatTemplate::of(model) else {
        let mut tokens: Vec<TokenId> = model.info().bos.into_iter().collect();
        let task = Task { prompt: request(messages), ..Task::default() };
        let rendered = template
            .render(&task, None)
            .map_err(|error| ApiError::field("messages", error.to_string()).code("template_error"))?;
        for part in [&rendered.head, &rendered.tail, &rendered.answer] {
            tokens.extend(model.encode(part, Encode::Plain)?);
        }
        return Ok(ChatPrompt { tokens, stops: template.end.clone() });
    };
    let fail = |error: ChatError| ApiError::field("messages", error.to_string()).code("template_error");
    let roles: Vec<&str> = messages.iter().map(|message| message.role.as_str()).collect();
    let contents: Vec<&str> = messages.iter().map(|message| message.content.trim()).collect();
    let tokens = chat.write(&roles, Thoughts::AsUsual).map_err(fail)?.prompt(model, &contents)?;
    Ok(ChatPrompt { tokens, stops: chat.stop_text(model)?.into_iter().collect() })
}
