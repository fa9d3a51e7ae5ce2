//! The server on scripted parts, over real sockets: every endpoint, every limit, what happens when clients misbehave or
//! go away, and OpenAI's own Python client.

#![allow(clippy::unwrap_used, reason = "test helpers")]

mod client;
mod completions;
mod guided;
mod misuse;
mod net;
mod parts;
mod python;
mod responses;
mod streams;
mod trainers;
