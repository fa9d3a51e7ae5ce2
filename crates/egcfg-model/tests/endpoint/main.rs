//! The endpoint client against protocol fakes of each server and against faults, over real sockets.
#![allow(clippy::unwrap_used)]

mod dialects;
mod fakes;
mod faults;
mod server;
