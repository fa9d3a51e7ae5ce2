//! A judge on another machine: a client of an ExecEval server, which runs stdin/stdout programs in a container of its
//! own. It is the layer beyond all of this machine's, and the way to published numbers that were made with it.
//! [`ExecEval`] sends a program with its tests and turns what comes back into verdicts.

mod client;
mod fault;
mod http;
mod outcome;
mod protocol;
mod wrap;

pub use client::ExecEval;
