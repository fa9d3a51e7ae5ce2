//! What a caller can choose: the interpreter, the number of workers, the limits of a run and of a trace.

use std::path::PathBuf;
use std::time::Duration;

use egcfg_task::{Backend, Form};

use crate::level::LevelChoice;
use crate::limits::Limits;
use crate::profile::Profile;

/// How a [`crate::Sandbox`] is set up.
#[derive(Debug, Clone, PartialEq)]
pub struct SandboxOptions {
    /// The interpreter; `None` takes an active virtual environment's, else `python3` on `PATH`.
    pub python: Option<PathBuf>,
    /// Which layer of protection; the strongest that can be had by default.
    pub level: LevelChoice,
    /// The kind of programs: modules loaded ahead and where they come from. Its limits are taken by [`Self::of`].
    pub profile: Profile,
    /// Whether the limits of time grow on a machine that is slower than the one they were chosen on.
    pub calibrate: bool,
    /// How many programs run at the same time; further ones wait.
    pub workers: usize,
    /// Limits of every run.
    pub limits: Limits,
    /// Names of protections (see [`crate::Protection`]) without which the sandbox must not start.
    pub required: Vec<String>,
    /// Directories that programs may import from besides the standard library (a virtual environment's
    /// `site-packages`); they become readable.
    pub import_paths: Vec<PathBuf>,
    /// Modules to import before the first fork, so that programs find them loaded.
    pub preload: Vec<String>,
    /// How long the sandbox waits for processes of its own.
    pub patience: Patience,
    /// Names of protections to leave out, so that a test can show what each of them stops. Never for real programs.
    #[doc(hidden)]
    pub without: Vec<String>,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        Self {
            python: None,
            level: LevelChoice::Auto,
            profile: Profile::Plain,
            calibrate: true,
            workers: std::thread::available_parallelism().map_or(2, usize::from),
            limits: Limits::default(),
            required: Vec::new(),
            import_paths: Vec::new(),
            preload: Vec::new(),
            patience: Patience::default(),
            without: Vec::new(),
        }
    }
}

impl SandboxOptions {
    /// The defaults for programs of a kind.
    pub fn of(profile: Profile) -> Self {
        Self { profile, limits: profile.limits(), ..Self::default() }
    }
}

/// How long the sandbox waits for a process of its own before it takes it for broken and replaces it. No program has a say in
/// these times; a busy machine has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patience {
    /// Until an interpreter is warm: what it imports may be large and the machine busy. Default 120 s.
    pub warming: Duration,
    /// Until a warm interpreter answers, which takes it a millisecond or two. Everyone would wait forever for one that is
    /// stopped or broken. Default 10 s.
    pub answer: Duration,
    /// Until a new child has confined itself. Default 20 s.
    pub greeting: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            warming: Duration::from_secs(120),
            answer: Duration::from_secs(10),
            greeting: Duration::from_secs(20),
        }
    }
}

/// Budgets of one trace. A trace that reaches one is cut there and the program goes on untraced.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceOptions {
    /// Steps. Default 2000.
    pub steps: u32,
    /// Real time spent under the tracer. Default 2 s.
    pub wall: Duration,
    /// Characters of all rendered values together. Default 1 MiB.
    pub size: u32,
    /// The facility to use; `None` takes `sys.monitoring` where the interpreter has it.
    pub backend: Option<Backend>,
    /// One step per byte-code instruction as well.
    pub instructions: bool,
}

impl Default for TraceOptions {
    fn default() -> Self {
        Self { steps: 2000, wall: Duration::from_secs(2), size: 1 << 20, backend: None, instructions: false }
    }
}

/// A program to run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Program {
    /// Its text.
    pub source: String,
    /// The function (or class) that tests call; for stdin/stdout programs the function to run, where there is one.
    pub entry_point: String,
    /// How it is called and judged.
    pub form: Form,
    /// Python that runs after the program and before the tests.
    pub setup_code: String,
}
