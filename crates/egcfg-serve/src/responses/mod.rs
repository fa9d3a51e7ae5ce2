//! `/v1/responses`: OpenAI's newer form of a conversation, text in and text out, whole or as a stream of named events.
//! Nothing is stored, so a conversation that goes on has to be sent again; what would need more than text is refused by
//! name.

mod asked;
mod handle;
mod reply;

pub(crate) use handle::handle;
