//! The tree of what the model would write. Nodes are tokens below one context (the plain prompt); a node knows the
//! log-probability of its path and, once the model was asked, the list of tokens that may follow. A path from the root to
//! where the model ended is a [`Leaf`]: a program. A token is generated once, however many programs begin with it, so the
//! cost of a search is the number of nodes. A policy says which program the tree grows by next.
//!
//! [`store`] keeps nodes and leaves, [`shape`] makes rows of distributions, [`unique`] and [`priority`] choose where to go
//! on, [`beam`] grows level by level, [`grow`] asks the model.

mod beam;
mod grow;
mod priority;
mod shape;
mod store;
mod unique;

pub(crate) use grow::{Grower, Grown};
pub(crate) use shape::Shape;
pub use store::{Leaf, Tree};
pub(crate) use store::{NodeId, ROOT};
