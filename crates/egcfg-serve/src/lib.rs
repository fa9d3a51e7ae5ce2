//! An OpenAI-compatible HTTP server over any model of egcfg. A completion request may carry tests: it is then decoded
//! under execution guidance, and the reply says which of them pass. The model and the sandbox are traits here, so the
//! whole server is tested on scripted parts; `egcfg serve` puts the real ones in.
//!
//! [`App`] holds the parts and their [`Limits`]; [`serve`] answers on a listener until it is told to end.

mod admission;
mod app;
mod asked;
mod auth;
mod body;
mod chat;
mod chat_template;
mod completion;
mod compute;
mod conversation;
mod cors;
mod draw;
mod error;
mod fields;
mod guided;
mod host;
mod limits;
mod messages;
mod metrics;
mod net;
mod prompts;
mod reply;
mod responses;
mod rewards;
mod router;
mod rows;
mod run_code;
mod score;
mod scripts;
mod stream;
mod tokens;

pub use app::{App, Parts};
pub use auth::ApiKey;
pub use cors::Origin;
pub use limits::Limits;
pub use net::serve;
pub use router::router;
pub use scripts::{Ran, Script, Scripts};
