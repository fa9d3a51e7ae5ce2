//! The seam for everything that turns a task into one program: guided decoding and the methods that it is compared with
//! are loops around the same model and the same sandbox, and their tokens are counted the same way.

mod best_of;
mod chat;
mod code;
mod dialogue;
mod eg_cfg;
mod feedback;
mod guided;
mod lpw;
mod mapcoder;
mod mgdebugger;
mod order;
mod parse;
mod pat;
mod pieces;
mod plain;
mod prompts;
mod repairs;
mod rex;
mod search;
mod self_debugging;
mod trial;
mod tried;

pub use best_of::BestOf;
pub use eg_cfg::EgCfg;
pub use guided::GuidedSearch;
pub use lpw::Lpw;
pub use mapcoder::MapCoder;
pub use mgdebugger::MgDebugger;
pub use order::InOrder;
pub use pat::PlanAfterTrial;
pub use plain::Plain;
pub use rex::Rex;
pub use search::TreeSearch;
pub use self_debugging::{Feedback, SelfDebugging};

use egcfg_guidance::{Attempt, GuidanceError, Session, Settings, Solution, Stats};
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
    /// Everything that the task cost, all rounds together: `Stats::generated_tokens` is the token budget, `Stats::programs` counts
    /// the programs that were judged by the shown tests on the way.
    pub stats: Stats,
    /// Why the generation ended, for methods that are one generation.
    pub stop: Option<egcfg_guidance::Stop>,
    /// Whether guidance began, for guided methods.
    pub began: Option<bool>,
    /// Programs that were the answer from some number of generated tokens on, for methods that find one after the other; the last
    /// one is `program`.
    pub answers: Vec<(usize, String)>,
}

impl MethodOutcome {
    /// What a solution comes to: its best program, and which one was the best from when on.
    pub(crate) fn of(solution: &Solution) -> Self {
        let answers = solution.answers.iter().filter_map(|answer| {
            let attempt = solution.attempts.get(answer.attempt)?;
            Some((answer.tokens, attempt.generation.program.clone()))
        });
        let Some(best) = solution.best() else { return Self::default() };
        Self {
            program: best.generation.program.clone(),
            shown: best.results.clone(),
            stats: solution.stats(),
            stop: Some(best.generation.stop),
            began: None,
            answers: answers.collect(),
        }
    }

    /// One generation, judged.
    pub(crate) fn generated(attempt: Attempt, began: Option<bool>) -> Self {
        Self {
            program: attempt.generation.program,
            shown: attempt.results,
            stats: attempt.generation.stats,
            stop: Some(attempt.generation.stop),
            began,
            answers: Vec::new(),
        }
    }
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
