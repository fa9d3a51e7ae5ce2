//! The seam for everything that turns a task into one program: guided decoding and the methods that it is compared with
//! are loops around the same model and the same sandbox, and their tokens are counted the same way.

mod best_of;
mod chat;
mod eg_cfg;
mod feedback;
mod lpw;
mod mapcoder;
mod mgdebugger;
mod parse;
mod pieces;
mod plain;
mod prompts;
mod search;
mod self_debugging;
mod trial;

pub use best_of::BestOf;
pub use eg_cfg::EgCfg;
pub use lpw::Lpw;
pub use mapcoder::MapCoder;
pub use mgdebugger::MgDebugger;
pub use plain::Plain;
pub use search::TreeSearch;
pub use self_debugging::{Feedback, SelfDebugging};

use egcfg_guidance::{GuidanceError, Session, Settings, Stats};
use egcfg_results::MethodFacts;
use egcfg_task::TestResult;
use futures::future::BoxFuture;

/// What a method made of one task.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MethodOutcome {
    /// The program to be graded.
    pub program: String,
    /// One result per shown test, of that program.
    pub shown: Vec<TestResult>,
    /// Everything that the task cost, all rounds together; `Stats::generated_tokens` is the token budget.
    pub stats: Stats,
    /// Programs that the method wrote and judged by the shown tests on the way (at least one).
    pub programs: usize,
    /// Why the generation ended, for methods that are one generation.
    pub stop: Option<egcfg_guidance::Stop>,
    /// Whether guidance began, for guided methods.
    pub began: Option<bool>,
}

/// One way to write a program for a task. It chooses by the shown tests alone; grading is the caller's.
pub trait Method: Send + Sync {
    /// What must be known to lay out its results and to read them, its name first.
    fn facts(&self) -> &'static MethodFacts;

    /// The name in results and on the command line, such as `eg_cfg` or `self_debugging`.
    fn name(&self) -> &'static str {
        self.facts().name
    }

    /// Writes a program for the session's task. `budget`, where given, bounds the generated tokens.
    fn write<'a>(
        &'a self,
        session: Session<'a>,
        settings: &'a Settings,
        budget: Option<usize>,
    ) -> BoxFuture<'a, Result<MethodOutcome, GuidanceError>>;
}
