//! What a traced run left in its memory, read as an enemy's message.

pub(crate) mod decode;
