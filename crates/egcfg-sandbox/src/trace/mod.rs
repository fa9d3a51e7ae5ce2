//! What a traced run left in its memory, read as an enemy's message.

pub(crate) mod cut;
pub(crate) mod decode;
