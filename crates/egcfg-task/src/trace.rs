//! The canonical form of an execution trace: a list of steps as CPython reported them, with bounded, side-effect-free
//! renderings of every value. A trace that was cut (by its step, time or size budget, or because the process died)
//! says so and keeps what it has.

use serde::{Deserialize, Serialize};

/// Version of the serialised form; raised on purpose when a field changes its meaning.
pub const TRACE_VERSION: u32 = 1;

/// The interpreter facility that produced a trace. The two differ in small ways between versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    /// `sys.monitoring` (CPython 3.12 and later).
    Monitoring,
    /// `sys.settrace`.
    Settrace,
}

/// Why a trace ends before the program did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// The step budget was used up.
    Steps,
    /// A clock ran out.
    Time,
    /// The budget for rendered values was used up.
    Size,
    /// The process was ended or ended itself.
    Died,
    /// The program switched the tracer off.
    Disabled,
    /// Frames too deep to be shown are missing; the steps around them are there.
    Depth,
    /// The tracer itself failed.
    Failed,
    /// What the process wrote could not be read beyond this point.
    Broken,
}

/// What a step reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A function was entered, or a generator or coroutine goes on.
    Call,
    /// A statement is about to run (or an instruction, see [`Step::instruction`]).
    Line,
    /// A function returns, or a generator or coroutine yields.
    Return,
    /// An exception is raised in the frame or comes up into it from a call; a frame that it leaves has no return step.
    Exception,
}

/// A local variable at a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Local {
    /// The variable's name.
    pub name: String,
    /// Its bounded repr.
    pub value: String,
    /// The name of its type.
    #[serde(rename = "type")]
    pub type_name: String,
}

/// How a frame was left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The bounded repr of the value returned.
    Returned(String),
    /// The exception that left the frame (or was raised, for an exception step).
    Raised {
        /// Its class name.
        exception: String,
        /// Its bounded message.
        message: String,
    },
}

/// One step of a trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What happened.
    pub event: Event,
    /// Frames deep: the invocation's module level is 1, the function it calls 2.
    pub depth: u32,
    /// The function's name; `<module>` for the invocation itself.
    pub function: String,
    /// Line number in the program, from 1; 0 for the invocation.
    pub line: u32,
    /// The source line, indentation kept; the first one of a statement that spans several; cut when very long.
    pub source: String,
    /// Local variables in order of first assignment, before the step's line runs.
    pub locals: Vec<Local>,
    /// Value or exception, for return and exception steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// The byte-code instruction about to run, where instructions were asked for; such a step has the event `Line`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instruction: Option<String>,
}

/// What a program did on one invocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// [`TRACE_VERSION`].
    pub version: u32,
    /// The facility that reported the steps.
    pub backend: Backend,
    /// The interpreter's version, such as `3.11.7`.
    pub python: String,
    /// The call that was traced, such as `f([1, 2])`.
    pub invocation: String,
    /// The steps in order.
    pub steps: Vec<Step>,
    /// Why it ends early, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<Cut>,
}

impl Trace {
    /// The frame of the task's function: the arguments it was called with and the state in which it was left.
    /// The outermost call below the invocation counts; when it never returned, its last line does.
    pub fn function_end(&self) -> Option<(&Step, &Step)> {
        let call = self.steps.iter().position(|step| step.event == Event::Call && step.depth >= 2)?;
        let first = &self.steps[call];
        let own = self.steps[call..].iter().filter(|step| step.depth == first.depth);
        let end = own
            .take_while(|step| std::ptr::eq(*step, first) || step.event != Event::Call)
            .last()
            .unwrap_or(first);
        Some((first, end))
    }
}
