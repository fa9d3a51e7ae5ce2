//! What passes between the supervisor and its children: frames, and the grammar of the values in them. Nothing here trusts
//! its input, and nothing here starts a process.

pub(crate) mod frame;
pub(crate) mod names;
pub(crate) mod value;
