//! Conversations as prompts, through the chat template (Jinja) that a model's file carries. A template is a program by a
//! stranger, so `program` compiles it with a toll before every step that can grow, and `budget` collects that toll; a
//! template that loops or doubles ends with an error. [`ChatTemplate`] finds the form of a conversation that a template
//! takes (some refuse a system message, some want roles to alternate), and [`ChatText`] is what it wrote, with the places
//! of the messages still open: what people and programs said is encoded apart, so that no message can spell a special token.

mod budget;
mod date;
mod program;
mod template;
#[cfg(test)]
mod tests;
mod text;

pub use template::{ChatError, ChatTemplate, Thoughts};
pub use text::ChatText;
