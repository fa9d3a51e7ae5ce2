//! Who works on what. A unit's claims form a chain of records, `e1`, `e2`, .., each made by conditional creation, so that
//! every link has one author: *claimed* (an agent works on it), *released* (it gave up, in peace), or *committed* (the
//! result, inside the record). Taking a unit over and committing its result compete for the same next link; an agent that was
//! paused past its lease therefore finds its link taken, and publishes nothing. Whoever sees a committed record whose
//! author died carries the publication to its end.

mod agent;
mod chain;
mod observer;

pub use agent::{AgentId, is_gone};
pub(crate) use chain::pretty;
pub use chain::{CLAIM_VERSION, Claim, Claims, Published, Record, State};
pub use observer::Observer;
