//! Prioritized experience replay: what was sampled and run, kept in a bounded buffer, and drawn by its priority.

mod buffer;
mod cache;
mod draw;
mod experience;

pub use buffer::{Buffer, CAPACITY};
pub use cache::read_cache;
pub use draw::{Draw, DrawSettings};
pub use experience::{EXPERIENCE_VERSION, Experience, p2value, possibility};
