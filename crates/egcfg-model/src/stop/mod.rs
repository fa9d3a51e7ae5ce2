//! When an answer ends, and what of it may be shown before that is known. `texts` looks for stop texts, for everybody who
//! does; `watch` is the rule of a sampled continuation, token by token; [`HeldText`] is an answer on its way to a reader.

mod held;
mod texts;
mod watch;

pub use held::HeldText;
pub use texts::{StopAt, first_stop};
pub(crate) use watch::StopWatch;
