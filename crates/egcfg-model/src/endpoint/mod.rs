//! Models behind an HTTP server. [`EndpointModel`] answers the same two questions as the local engine does, through one of
//! five dialects: vLLM, SGLang, llama.cpp's server, the plain `OpenAI` completions form, and this program's own server.
//! Token ids travel wherever the dialect has them; where only text passes, a token is the text that the server returned
//! for it. Distributions are lists of the most probable tokens, with a bound for the rest. [`probe`] finds out at the start
//! what a server can do; [`transport`] keeps retries, limits and deadlines; [`score`] and [`sample`] turn what the method asks
//! into as few requests as the dialect allows.

mod address;
mod ask;
mod breaker;
mod capabilities;
mod dialect;
mod ends;
mod limit;
mod lookup;
mod model;
mod pieces;
mod probe;
mod probe_lists;
mod probe_tokens;
mod quote;
mod sample;
mod score;
mod tokenizer;
mod transport;
mod wire;
mod wire_llama;
mod wire_openai;
mod wire_openai_reply;
mod wire_sglang;

pub use address::{EndpointOptions, Secret};
pub use capabilities::Capabilities;
pub use dialect::Dialect;
pub use model::EndpointModel;
