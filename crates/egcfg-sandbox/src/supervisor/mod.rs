//! The processes: a warm interpreter, the confined children that it forks, their clocks, output, work directories and
//! control groups, and which protections are in force. It moves frames and knows no verdict.

pub(crate) mod bundle;
pub(crate) mod calibrate;
pub(crate) mod child;
pub(crate) mod clock;
pub(crate) mod descriptors;
pub(crate) mod disk;
pub(crate) mod filters;
pub(crate) mod fork;
pub(crate) mod groups;
pub(crate) mod interpreter;
pub(crate) mod keeper;
pub(crate) mod output;
pub(crate) mod pool;
pub(crate) mod protection;
pub(crate) mod question;
pub(crate) mod reading;
pub(crate) mod stream;
pub(crate) mod system_calls;
pub(crate) mod trace_memory;
pub(crate) mod warm;
pub(crate) mod workdir;
pub(crate) mod zygote;
