//! Prompt templates: TOML files whose `user` text (Jinja) becomes the prompt, wrapped into the model's own chat template
//! where `chat` is set and the model has one. The built-in ones stand in `templates/`.

use std::fmt::Write as _;

use egcfg_model::{ChatTemplate, ChatText, Thoughts};
use egcfg_task::{PromptType, Task, Test};
use minijinja::{Environment, context};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::settings::SignalStyle;

/// Why a template cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("template {name}: {reason}")]
pub struct TemplateError {
    /// The template's name or file.
    pub name: String,
    /// What is wrong.
    pub reason: String,
}

/// A solved example of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// What was asked.
    pub task: String,
    pub tests: Vec<String>,
    /// A solution.
    pub code: String,
}

/// How a task becomes a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Its name, for messages and results.
    pub name: String,
    /// Wrap `user` into the model's chat template.
    #[serde(default)]
    pub chat: bool,
    /// The prompt (Jinja). Variables: `task`, `tests`, `entry_point`, `header`, `stdio`, `examples`, and `signal`, which must be used
    /// exactly once.
    pub user: String,
    /// The opening of the answer (Jinja, same variables, no `signal`); code before the first generated token.
    #[serde(default)]
    pub answer: String,
    /// Texts that end the answer.
    #[serde(default)]
    pub end: Vec<String>,
    /// How executions are written.
    #[serde(default)]
    pub signal: SignalStyle,
    /// Upper bound of the signal block in tokens, for models that read short blocks best; a setting of the run overrides it.
    #[serde(default)]
    pub signal_tokens: Option<usize>,
    /// The line(s) that open the signal block; a default that explains the block otherwise.
    #[serde(default)]
    pub heading: Option<String>,
    /// Solved examples.
    #[serde(default)]
    pub examples: Vec<Example>,
}

/// A rendered prompt, cut where the signal block goes. `wrap_*` are the chat template's own parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedPrompt {
    /// The chat template's text before the user's message.
    pub wrap_open: ChatText,
    /// The message up to the signal.
    pub head: String,
    /// The message after the signal.
    pub tail: String,
    /// The chat template's text after the message, up to the assistant's turn.
    pub wrap_close: ChatText,
    /// The opening of the answer.
    pub answer: String,
}

/// Stands for a part while a Jinja template is rendered around it; private-use characters, so no text contains it.
const MARK: &str = "\u{e000}\u{e0ff}\u{e001}";

impl Template {
    /// The built-in template of a prompt type.
    pub fn builtin(prompt: PromptType) -> Result<Self, TemplateError> {
        let toml = match prompt {
            PromptType::DeepseekInstruct => include_str!("../templates/deepseek_instruct.toml"),
            PromptType::LongCode => include_str!("../templates/long_code.toml"),
            PromptType::Instruct => include_str!("../templates/instruct.toml"),
        };
        Self::parse(prompt.name(), toml)
    }

    /// A built-in template by name: the prompt types' and `pocket`, the embedded model's own.
    pub fn named(name: &str) -> Result<Self, TemplateError> {
        match (name, PromptType::named(name)) {
            ("pocket", _) => Self::parse("pocket", include_str!("../templates/pocket.toml")),
            (_, Some(prompt)) => Self::builtin(prompt),
            _ => Err(TemplateError {
                name: name.to_owned(),
                reason: format!(
                    "no such template (there are {} and pocket)",
                    PromptType::ALL.map(PromptType::name).join(", ")
                ),
            }),
        }
    }

    /// Reads a template from TOML and checks that it can be rendered; `name` is for messages.
    pub fn parse(name: &str, toml: &str) -> Result<Self, TemplateError> {
        let fail = |reason: String| TemplateError { name: name.to_owned(), reason };
        let template: Self = toml::from_str(toml).map_err(|error| fail(error.to_string()))?;
        let probe = Task { prompt: "x".into(), entry_point: "f".into(), ..Task::default() };
        template.render(&probe, None).map_err(|error| fail(error.reason))?;
        Ok(template)
    }

    /// Renders the prompt of a task; `chat` is the model's own template, if it has one.
    pub fn render(
        &self,
        task: &Task,
        chat: Option<ChatTemplate<'_>>,
    ) -> Result<RenderedPrompt, TemplateError> {
        let user = self.jinja(&self.user, task, MARK)?;
        let Some((head, tail)) = user.split_once(MARK) else {
            return Err(self.fail("'user' must contain {{ signal }} once, before the answer"));
        };
        if tail.contains(MARK) {
            return Err(self.fail("'user' contains {{ signal }} more than once"));
        }
        let answer = self.jinja(&self.answer, task, "")?;
        let (wrap_open, wrap_close) = match chat.filter(|_| self.chat) {
            Some(chat) => {
                let text =
                    chat.write(&["user"], Thoughts::None).map_err(|error| self.fail(&error.to_string()))?;
                text.around(0).unwrap_or_default()
            }
            None => (ChatText::default(), ChatText::default()),
        };
        Ok(RenderedPrompt { wrap_open, head: head.to_owned(), tail: tail.to_owned(), wrap_close, answer })
    }

    fn jinja(&self, source: &str, task: &Task, signal: &str) -> Result<String, TemplateError> {
        let mut env = Environment::new();
        env.set_keep_trailing_newline(true);
        env.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        env.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
        let tests: Vec<String> = task.shown_tests.iter().map(Test::in_words).collect();
        let values = context! {
            task => task.prompt.trim_end(),
            tests,
            entry_point => task.entry_point,
            header => task.header,
            stdio => task.form == egcfg_task::Form::Stdio,
            examples => self.examples,
            signal,
        };
        env.render_str(source, values).map_err(|error| self.fail(&chain(&error)))
    }

    fn fail(&self, reason: &str) -> TemplateError {
        TemplateError { name: self.name.clone(), reason: reason.to_owned() }
    }
}

fn chain(error: &minijinja::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        let _ = write!(text, ": {inner}");
        source = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task() -> Task {
        Task {
            id: "t".into(),
            prompt: "Double x.".into(),
            entry_point: "twice".into(),
            shown_tests: vec![Test::Assert("assert twice(2) == 4".into())],
            ..Task::default()
        }
    }

    #[test]
    fn every_builtin_renders() {
        for name in ["deepseek_instruct", "long_code", "pocket"] {
            let prompt = Template::named(name).unwrap().render(&task(), None).unwrap();
            assert!(
                prompt.head.contains("Double x.") && prompt.head.contains("assert twice(2) == 4"),
                "{name}"
            );
            assert!(prompt.tail.contains("### Code\n"), "{name}: {:?}", prompt.tail);
        }
    }

    #[test]
    fn the_pocket_prompt_is_what_the_model_was_trained_on() {
        let prompt = Template::named("pocket").unwrap().render(&task(), None).unwrap();
        assert_eq!(prompt.head, "### Task\nDouble x.\nassert twice(2) == 4\n");
        assert_eq!((prompt.tail.as_str(), prompt.answer.as_str()), ("### Code\n", ""));
    }

    #[test]
    fn a_chat_template_wraps_the_message() {
        let chat = "{% for m in messages %}<|{{ m['role'] }}|>{{ m.content | trim }}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";
        let template = Template::builtin(PromptType::LongCode).unwrap();
        let prompt = template.render(&task(), Some(ChatTemplate::new(chat))).unwrap();
        assert_eq!(prompt.wrap_open, ChatText::words("<|user|>"));
        assert_eq!(prompt.wrap_close, ChatText::words("<|end|><|assistant|>"));
        assert_eq!(prompt.answer, "```python\n");
    }

    #[test]
    fn mistakes_are_named() {
        for (toml, reason) in [
            ("name = 'x'\nuser = 'no place'", "{{ signal }}"),
            ("name = 'x'\nuser = '{{ signal }}{{ signal }}'", "more than once"),
            ("name = 'x'\nuser = '{{ signal }}{{ tusk }}'", "undefined"),
            ("name = 'x'", "missing field `user`"),
            ("name = 'x'\nuser = '{{ signal }}'\nend_texts = []", "unknown field"),
        ] {
            let error = Template::parse("mine.toml", toml).unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains("mine.toml"), "{error}");
        }
    }
}
