//! The endpoint client against protocol fakes of each server and against faults, over real sockets.
#![allow(clippy::unwrap_used, clippy::format_push_string, clippy::type_complexity, reason = "test helpers")]

mod dialects;
mod fakes;
mod faults;
mod server;
mod tokenizer;
