//! [`ChatTemplate`]: a template's source and the forms of conversation that it takes.

use minijinja::context;
use minijinja::value::Value;
use thiserror::Error;

use super::program;
use super::text::{BEGIN, CLOSE, ChatText, END, OPEN, Piece};
use crate::api::{Encode, LanguageModel};
use crate::error::ModelError;

/// Why a conversation cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the model's chat template {0}")]
pub struct ChatError(String);

/// What a model that thinks before it answers is told about that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thoughts {
    /// Nothing: the template's own habit holds.
    AsUsual,
    /// That its answer begins at once. An opened thought is closed again.
    None,
}

/// The chat template of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChatTemplate<'s> {
    source: &'s str,
}

/// A message while a template is rendered: who speaks, and the numbers of the contents that are said.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Turn<'r> {
    role: &'r str,
    contents: Vec<usize>,
}

impl<'s> ChatTemplate<'s> {
    /// The template of a model, if it has one.
    pub fn of(model: &'s dyn LanguageModel) -> Option<Self> {
        model.info().chat_template.as_deref().map(Self::new)
    }

    /// A template by its source.
    pub fn new(source: &'s str) -> Self {
        Self { source }
    }

    /// Tries a template on the shortest conversation and returns its source if it can be used; what is wrong with one is
    /// better known when a model is loaded than when it is asked.
    pub fn probed(source: String) -> Result<String, ChatError> {
        ChatTemplate::new(&source).write(&["user"], Thoughts::None)?;
        Ok(source)
    }

    /// Writes a conversation of these roles and opens the model's turn. A template that takes no system message has it at
    /// the head of the first other message, and one whose roles must alternate has neighbours of one role joined.
    pub fn write(&self, roles: &[&str], thoughts: Thoughts) -> Result<ChatText, ChatError> {
        let turns: Vec<Turn<'_>> =
            roles.iter().enumerate().map(|(at, role)| Turn { role, contents: vec![at] }).collect();
        let mut text = self.fitting(&turns, thoughts)?;
        if thoughts == Thoughts::None {
            text.close_thought();
        }
        Ok(text)
    }

    /// The tag that stands behind an answer, where that is not the model's end-of-text token: `<|im_end|>`, `<end_of_turn>`.
    pub fn turn_end(&self) -> Option<String> {
        let text = self.write(&["user", "assistant", "user"], Thoughts::AsUsual).ok()?;
        let (_, after) = text.around(1)?;
        after.leading_tag().map(str::to_owned)
    }

    /// The same as a text to watch for: `None` where the model's tokenizer knows a token of its own for it.
    pub fn stop_text(&self, model: &dyn LanguageModel) -> Result<Option<String>, ModelError> {
        let Some(tag) = self.turn_end() else { return Ok(None) };
        let one = model.encode(&tag, Encode::Template)?;
        let special = one.len() == 1 && model.encode(&tag, Encode::Plain)? != one;
        Ok((!special).then_some(tag))
    }

    /// The first form of the conversation that the template takes and that leaves no message out.
    fn fitting(&self, turns: &[Turn<'_>], thoughts: Thoughts) -> Result<ChatText, ChatError> {
        let folded = fold_system(turns);
        let forms = [turns.to_vec(), folded.clone(), alternating(turns), alternating(&folded)];
        let (mut first, mut tried) = (None, Vec::new());
        for form in forms {
            if tried.contains(&form) {
                continue;
            }
            match self.rendered(&form, thoughts) {
                Ok(text) if holds(&text, turns) => return Ok(text),
                Ok(_) => {
                    first.get_or_insert_with(|| ChatError("leaves a message out".to_owned()));
                }
                // More of the same work would not fit either.
                Err((error, true)) => return Err(error),
                Err((error, false)) => _ = first.get_or_insert(error),
            }
            tried.push(form);
        }
        Err(first.unwrap_or_else(|| ChatError("was given no message".to_owned())))
    }

    /// Renders one form; an error says whether the template used up what it may.
    fn rendered(&self, turns: &[Turn<'_>], thoughts: Thoughts) -> Result<ChatText, (ChatError, bool)> {
        let place = |name: &str| format!("{OPEN}{name}{CLOSE}");
        let messages: Vec<Value> = turns
            .iter()
            .map(|turn| {
                let contents: Vec<String> = turn.contents.iter().map(|at| place(&at.to_string())).collect();
                context! { role => turn.role, content => contents.join("\n\n") }
            })
            .collect();
        let values = context! {
            messages,
            add_generation_prompt => true,
            bos_token => place(BEGIN),
            eos_token => place(END),
        };
        let values = match thoughts {
            Thoughts::AsUsual => values,
            Thoughts::None => context! { enable_thinking => false, thinking => false, ..values },
        };
        program::run(self.source, values).map(|text| ChatText::read(&text)).map_err(|error| {
            let spent = error.kind() == minijinja::ErrorKind::OutOfFuel;
            (ChatError(format!("cannot be rendered: {}", chain(&error))), spent)
        })
    }
}

/// Whether every message of the conversation has its place.
fn holds(text: &ChatText, turns: &[Turn<'_>]) -> bool {
    let said = turns.iter().flat_map(|turn| &turn.contents);
    said.into_iter().all(|at| text.pieces.contains(&Piece::Content(*at)))
}

/// The conversation with its first system messages at the head of the message after them, which is a user's then.
fn fold_system<'r>(turns: &[Turn<'r>]) -> Vec<Turn<'r>> {
    let leading = turns.iter().take_while(|turn| turn.role == "system").count();
    let mut contents: Vec<usize> = turns[..leading].iter().flat_map(|turn| turn.contents.clone()).collect();
    let mut rest = turns[leading..].to_vec();
    match rest.first_mut() {
        Some(first) if first.role == "user" => {
            contents.append(&mut first.contents);
            first.contents = contents;
        }
        _ if !contents.is_empty() => rest.insert(0, Turn { role: "user", contents }),
        _ => {}
    }
    rest
}

/// The conversation with neighbours of one role joined.
fn alternating<'r>(turns: &[Turn<'r>]) -> Vec<Turn<'r>> {
    let mut joined: Vec<Turn<'r>> = Vec::new();
    for turn in turns {
        match joined.last_mut() {
            Some(last) if last.role == turn.role => last.contents.extend(&turn.contents),
            _ => joined.push(turn.clone()),
        }
    }
    joined
}

/// An error and its causes on one line.
fn chain(error: &minijinja::Error) -> String {
    let mut text = format!("{error:#}");
    let mut cause = std::error::Error::source(error);
    while let Some(deeper) = cause {
        text = format!("{text}: {deeper}");
        cause = deeper.source();
    }
    text
}
