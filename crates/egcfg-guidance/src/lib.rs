//! Execution-guided classifier-free guidance: while a model writes a Python function line by line, sample a few
//! continuations, run them on the task's tests, show the model what happened through a second prompt, and decode from a
//! blend of the two next-token distributions. The method is that of Lavon, Katz and Wolf (NeurIPS 2025). Models and
//! sandboxes are traits here, so the whole method runs on scripted parts.
//!
//! [`generate`] writes one program; [`solve`] climbs the ladder of gammas until a program passes the shown tests;
//! [`best_of`] is the baseline of plain samples. All of them report to an [`EventSink`].

mod agreement;
mod answer;
mod blend;
mod candidate;
mod code;
mod decode;
mod draw;
mod error;
mod event;
mod executor;
mod generate;
mod heads;
mod on_tree;
mod open;
mod plain;
mod prompt;
mod recall;
mod refresh;
mod runs;
mod search;
mod session;
mod settings;
mod signal;
mod solve;
mod stand;
mod standing;
mod stats;
mod taught;
mod template;
mod tree;

pub use answer::Answer;
pub use blend::{Choice, SMOOTHING, choose, decide, weight};
pub use candidate::ExecutionCache;
pub use egcfg_task::{Policy, PolicyError};
pub use error::GuidanceError;
pub use event::{
    Alternative, CandidateEvent, EVENT_VERSION, Event, EventSink, ExecutionEvent, GrownEvent, NoEvents, Stop,
};
pub use executor::{Executor, ExecutorError};
pub use generate::{generate, generate_after};
pub use open::Open;
pub use search::{
    Budget, Choosing, ChoosingError, Guided, Limits, Program, Search, Searched, best_of, best_of_batched,
    prompt_tokens, search, search_guided,
};
pub use session::{Attempt, Generation, Session, Solution};
pub use settings::{Schedule, Settings, SignalStyle};
pub use signal::compact_entry;
pub use solve::{Order, judge, solve, solve_in_order};
pub use stats::Stats;
pub use taught::guided_prompt_tokens;
pub use template::{Example, RenderedPrompt, Template, TemplateError};
pub use tree::{Leaf, Tree};
