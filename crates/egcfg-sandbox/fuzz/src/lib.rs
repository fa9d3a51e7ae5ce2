//! The parsers of the sandbox that read what an untrusted process wrote, as the fuzzer sees them: the very files of the
//! sandbox crate, which shows none of them to the outside.
#![allow(dead_code, reason = "the sandbox uses what the fuzzer does not")]

#[path = "../../src/frame.rs"]
mod frame;
#[path = "../../src/trace_decode.rs"]
mod trace_decode;
#[path = "../../src/value.rs"]
mod value;

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
