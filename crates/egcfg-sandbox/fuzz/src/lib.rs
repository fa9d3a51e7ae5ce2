//! The parsers of the sandbox that read what an untrusted process wrote, as the fuzzer sees them: the very files of the
//! sandbox crate, which shows none of them to the outside.
#![allow(dead_code, reason = "the sandbox uses what the fuzzer does not")]

mod protocol {
    #[path = "../../../src/protocol/frame.rs"]
    pub(crate) mod frame;
    #[path = "../../../src/protocol/value.rs"]
    pub(crate) mod value;
}
mod trace {
    #[path = "../../../src/trace/decode.rs"]
    pub(crate) mod decode;
}

mod bodies;

/// See [`bodies::frames`].
pub fn frames(data: &[u8]) {
    bodies::frames(data);
}

/// See [`bodies::values`].
pub fn values(data: &[u8]) {
    bodies::values(data);
}

/// See [`bodies::traces`].
pub fn traces(data: &[u8]) {
    bodies::traces(data);
}
