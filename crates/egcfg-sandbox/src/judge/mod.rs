//! From a program and its tests to verdicts: one program in one child ([`session`]), assert tests beside a clean comparer
//! ([`asserts`]), programs that read standard input ([`stdio`]).

pub(crate) mod asserts;
pub(crate) mod session;
pub(crate) mod stdio;
