//! The two prompts of a task as tokens. Plain: head + tail. Guided: head + signal + tail, so that both streams share the
//! head and continue with exactly the same answer tokens. Each part is encoded by itself, once; special tokens are
//! recognised only in what the templates wrote, never in a user's or a program's text.

use egcfg_model::{Encode, LanguageModel, ModelError, TokenId};
use egcfg_task::Task;

use crate::template::{RenderedPrompt, Template};

/// The encoded parts of a task's prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prompt {
    /// Up to the signal block.
    head: Vec<TokenId>,
    /// From the signal block to the first generated token.
    tail: Vec<TokenId>,
    /// Code that stands in the answer's opening already (a completion task's header).
    pub(crate) code_prefix: String,
    /// The answer begins inside an opened code block.
    pub(crate) fence_open: bool,
}

impl Prompt {
    /// Renders and encodes the prompt of a task.
    pub(crate) fn build(model: &dyn LanguageModel, rendered: &RenderedPrompt) -> Result<Self, ModelError> {
        let mut head: Vec<TokenId> = model.info().bos.into_iter().collect();
        head.extend(model.encode(&rendered.wrap_open, Encode::Template)?);
        head.extend(model.encode(&rendered.head, Encode::Plain)?);
        let mut tail = model.encode(&rendered.tail, Encode::Plain)?;
        tail.extend(model.encode(&rendered.wrap_close, Encode::Template)?);
        tail.extend(model.encode(&rendered.answer, Encode::Plain)?);
        let (fence_open, code_prefix) = match rendered.answer.rfind("```") {
            Some(fence) => {
                let rest = &rendered.answer[fence..];
                (true, rest.find('\n').map_or("", |newline| &rest[newline + 1..]).to_owned())
            }
            None => (false, rendered.answer.clone()),
        };
        Ok(Self { head, tail, code_prefix, fence_open })
    }

    /// Tokens of the plain prompt.
    pub(crate) fn plain(&self) -> Vec<TokenId> {
        [self.head.as_slice(), &self.tail].concat()
    }

    /// Tokens of the guided prompt with this signal block.
    pub(crate) fn guided(&self, signal: &[TokenId]) -> Vec<TokenId> {
        [self.head.as_slice(), signal, &self.tail].concat()
    }

    /// Length of the plain prompt in tokens.
    pub(crate) fn len(&self) -> usize {
        self.head.len() + self.tail.len()
    }
}

/// Renders a task's prompt for a model.
pub(crate) fn render(
    model: &dyn LanguageModel,
    template: &Template,
    task: &Task,
) -> Result<RenderedPrompt, crate::template::TemplateError> {
    template.render(task, model.info().chat_template.as_deref())
}
