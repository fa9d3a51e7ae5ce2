//! Resolved settings: what the command line ([`crate::args`]), files and the defaults come to together, each decided here and
//! nowhere else. The order is the same for everything: a flag (or the environment variable behind it) over a name given with
//! `--config`, over a file, over a command's preset, over the default; and each value can say which of them it came from.

pub(crate) mod defaults;
pub(crate) mod experiment;
pub(crate) mod method;
pub(crate) mod origin;
pub(crate) mod search;
