//! Prioritized experience replay: what was sampled and run, kept in a bounded buffer, and drawn by its priority.

mod buffer;
mod draw;
mod experience;
mod read;

pub use buffer::{Buffer, CAPACITY};
pub use draw::{Draw, DrawSettings};
pub use experience::{EXPERIENCE_VERSION, Experience, p2value, possibility};
pub use read::{read_experiences, under_task_ids};
