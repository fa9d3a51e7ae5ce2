//! From a program and its tests to verdicts: one program in one child ([`session`]), assert tests beside a clean comparer
//! ([`asserts`]), programs that read standard input ([`stdio`]), whose output is compared by
//! the test's rule ([`compare`]).

pub(crate) mod asserts;
pub(crate) mod compare;
pub(crate) mod failure;
pub(crate) mod hidden;
pub(crate) mod outcome;
pub(crate) mod pace;
pub(crate) mod script;
pub(crate) mod session;
pub(crate) mod shown;
pub(crate) mod stdio;
pub(crate) mod tokens;
