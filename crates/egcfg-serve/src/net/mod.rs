//! Sockets: the listener on a thread of its own, one connection after the other, who has to go when there are too many,
//! and what is written where a request was not even one.

mod connection;
pub(crate) mod crowd;
mod server;
mod wire;

pub use server::serve;
