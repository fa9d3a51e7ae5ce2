//! Opening the definition for the model. A small or chatty model may answer without the function that the tests call;
//! guidance then has nothing to guide. Where the entry point is known, the answer can begin with `def NAME(`.

use egcfg_model::{LogProbs, ScoreRequest, TokenId, Usage};
use egcfg_task::{Form, Task};
use serde::{Deserialize, Serialize};

use crate::code::definition;
use crate::error::GuidanceError;
use crate::event::Event;
use crate::generate::Session;
use crate::prompt::{Prompt, render};

/// When the answer opens with the definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Open {
    /// The model writes freely first; after an answer without the definition, the next attempt opens it.
    #[default]
    Auto,
    /// Every attempt opens it.
    Always,
    /// The model is left alone, as in the published method.
    Never,
}

/// The text that opens the definition; `None` where no name is known, where any code is an answer, or where the prompt has
/// opened it already.
pub(crate) fn opening(task: &Task, answer: &str, ends: &[String]) -> Option<String> {
    let name = task.defines()?;
    if definition(answer, name).is_some() {
        return None;
    }
    let fence = !answer.contains("```") && ends.iter().any(|end| end.contains("```"));
    let fence = if fence { "```python\n" } else { "" };
    if !task.header.trim().is_empty() {
        return Some(format!("{fence}{}", task.header));
    }
    let class = task.form == Form::Asserts && name.starts_with(char::is_uppercase);
    Some(if class { format!("{fence}class {name}") } else { format!("{fence}def {name}(") })
}

/// A prompt, and what opening it took.
pub(crate) struct Opened {
    pub(crate) prompt: Prompt,
    /// The text that was written for the model.
    pub(crate) text: Option<String>,
    /// The forward that chose the token in which the opening ends.
    pub(crate) usage: Option<Usage>,
}

impl Opened {
    /// Tells of it.
    pub(crate) fn events(&self, wants_prompts: bool) -> Vec<Event> {
        let mut events = Vec::new();
        if let Some(usage) = self.usage {
            events.push(Event::Forward { guided: false, drafts: 0, usage });
        }
        if self.text.is_some() {
            let message = format!("the answer was opened for the model: {:?}", self.prompt.code_prefix);
            events.push(Event::Warning { message });
        }
        if wants_prompts {
            events.push(Event::Prompt { guided: false, ids: self.prompt.plain() });
        }
        events
    }
}

/// The prompt of a session, with the definition opened where that was asked for and can be done.
pub(crate) async fn prompt(session: Session<'_>, open: bool) -> Result<Opened, GuidanceError> {
    let rendered = render(session.model, session.template, session.task)?;
    let text = if open { opening(session.task, &rendered.answer, &session.template.end) } else { None };
    let mut prompt = Prompt::build(session.model, &rendered, text.as_deref())?;
    let mut usage = None;
    if !prompt.pending.is_empty() {
        let request = ScoreRequest { context: prompt.plain(), drafts: Vec::new() };
        let reply = session.model.score(request).await?;
        let token = going_on(session, &reply.next, &prompt.pending)?;
        prompt.heal(session.model, token);
        usage = Some(reply.usage);
    }
    Ok(Opened { prompt, text, usage })
}

/// The most probable token that begins with what was held back: `(`, or a token in which more follows it.
fn going_on(session: Session<'_>, next: &LogProbs, held_back: &[u8]) -> Result<TokenId, GuidanceError> {
    let mut best: Option<(TokenId, f32)> = None;
    for (token, value) in next.entries() {
        let fits = session.model.token_bytes(token).starts_with(held_back);
        if fits && best.is_none_or(|(_, top)| value > top) {
            best = Some((token, value));
        }
    }
    if let Some((token, _)) = best {
        return Ok(token);
    }
    // No listed token fits: the one that was held back.
    let text = String::from_utf8_lossy(held_back);
    let tokens = session.model.encode(&text, egcfg_model::Encode::Plain)?;
    tokens
        .first()
        .copied()
        .ok_or_else(|| GuidanceError::Broken(format!("the opening's end {text:?} has no tokens")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_opens_an_answer() {
        let ends = ["```".to_owned()];
        let task = |name: &str| Task { entry_point: name.into(), ..Task::default() };
        assert_eq!(opening(&task("f"), "```python\n", &ends).as_deref(), Some("def f("));
        assert_eq!(opening(&task("f"), "", &ends).as_deref(), Some("```python\ndef f("));
        assert_eq!(opening(&task("f"), "", &["\n###".to_owned()]).as_deref(), Some("def f("));
        assert_eq!(opening(&task("Stack"), "```python\n", &ends).as_deref(), Some("class Stack"));
        assert_eq!(opening(&task(""), "```python\n", &ends), None);
        let header = Task { header: "import re\ndef f(x):\n".into(), ..task("f") };
        assert_eq!(opening(&header, "```python\nimport re\ndef f(x):\n", &ends), None);
        assert_eq!(opening(&header, "```python\n", &ends).as_deref(), Some("import re\ndef f(x):\n"));
        let context = Task { context: "exec(PROGRAM)".into(), ..task("f") };
        assert_eq!(opening(&context, "```python\n", &ends), None);
    }
}
