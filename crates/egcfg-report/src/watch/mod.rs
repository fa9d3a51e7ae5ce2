//! A live view of a results folder while agents write to it: [`Watcher`] looks, [`lines`] says it in text, [`Screen`] draws it
//! on a terminal. Looking again reads new files only: a published result does not change.

mod agents;
pub mod lines;
mod scan;
mod screen;

pub use agents::{AgentView, Alive};
pub use scan::{ConfigState, GroupState, Snapshot, Watcher};
pub use screen::{Screen, Wish};
