//! What the comparisons share: tasks, a sink that keeps tokens, and the judgement of two runs. Splitting a batch changes the
//! last bits of the numbers, so two runs may part only where two tokens are as good as equal; the bound follows from the
//! differences that are measured on the tokens before.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use egcfg_grade::SandboxExecutor;
use egcfg_guidance::{
    Event, EventSink, ExecutionCache, Generation, Session, Settings, Template, generate, weight,
};
use egcfg_model::{LanguageModel, convert_to_f32};
use egcfg_sandbox::{Sandbox, SandboxOptions};
use egcfg_task::{Task, Test};

/// One accepted token with its log-probability under both streams, where they are known.
pub(crate) type Accepted = (u32, Option<f32>, Option<f32>);

#[derive(Default)]
struct Tokens(Mutex<Vec<Accepted>>);

impl EventSink for Tokens {
    fn emit(&self, event: &Event) {
        if let Event::Token { id, plain, guided, .. } = event {
            self.0.lock().unwrap().push((*id, *plain, *guided));
        }
    }
}

/// Held-out tasks of the embedded model.
pub(crate) fn tasks(skip: usize, take: usize) -> Vec<Task> {
    #[derive(serde::Deserialize)]
    struct Line {
        task_id: String,
        prompt: String,
        entry_point: String,
        tests: Vec<String>,
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/pocket/dev.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().skip(skip).take(take).map(|line| serde_json::from_str::<Line>(line).unwrap());
    let task = |line: Line| Task {
        id: line.task_id,
        prompt: line.prompt,
        entry_point: line.entry_point,
        shown_tests: line.tests.into_iter().map(Test::Assert).collect(),
        ..Task::default()
    };
    lines.map(task).collect()
}

/// The embedded model with every number in single precision, as a file.
pub(crate) fn single_precision(folder: &Path) -> PathBuf {
    let (half, single) = (folder.join("half.gguf"), folder.join("single.gguf"));
    std::fs::write(&half, egcfg_model::POCKET_GGUF).unwrap();
    convert_to_f32(&half, &single).unwrap();
    single
}

pub(crate) async fn sandbox() -> SandboxExecutor {
    SandboxExecutor::new(Sandbox::start(SandboxOptions::default()).await.unwrap())
}

/// One generation and its tokens.
pub(crate) async fn write(
    model: &dyn LanguageModel,
    executor: &SandboxExecutor,
    task: &Task,
    cache: &ExecutionCache,
    settings: &Settings,
) -> (Generation, Vec<Accepted>) {
    let (tokens, template) = (Tokens::default(), Template::named("pocket").unwrap());
    let session = Session { model, executor, template: &template, task, cache, events: &tokens };
    let generation = generate(session, settings).await.unwrap();
    (generation, tokens.0.into_inner().unwrap())
}

/// What comparing many runs gave.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) compared: usize,
    /// Runs that took another token at a near-tie; what follows it is not compared.
    pub(crate) parted: usize,
    /// Largest difference of a log-probability of the same token after the same context.
    pub(crate) noise: f64,
    /// Largest difference between the two tokens at a near-tie, in the blend.
    pub(crate) margin: f64,
}

impl Default for Comparison {
    fn default() -> Self {
        Self { compared: 0, parted: 0, noise: 1e-5, margin: 0.0 }
    }
}

impl Comparison {
    /// Compares two runs up to where they part; they may do so at a near-tie only.
    pub(crate) fn add(&mut self, what: &str, gamma: f64, one: &[Accepted], other: &[Accepted]) {
        for (a, b) in one.iter().zip(other) {
            self.compared += 1;
            if a.0 == b.0 {
                // The same token after the same context: any difference is noise of the arithmetic.
                for (x, y) in [(a.1, b.1), (a.2, b.2)] {
                    if let (Some(x), Some(y)) = (x, y) {
                        self.noise = self.noise.max(f64::from(x - y).abs());
                    }
                }
                continue;
            }
            self.parted += 1;
            let blended = |t: &Accepted| weight(t.1.unwrap_or(0.0), t.2.unwrap_or(0.0), gamma);
            let bound = 4.0 * self.noise * ((1.0 - gamma).abs() + gamma.abs());
            let margin = (blended(a) - blended(b)).abs();
            self.margin = self.margin.max(margin);
            assert!(margin <= bound, "{what} gamma {gamma}: parted by {margin}, noise {}", self.noise);
            return;
        }
        assert_eq!(one.len(), other.len(), "{what} gamma {gamma}: one run ends before the other");
    }

    /// One line for the log.
    pub(crate) fn say(&self, what: &str) {
        println!(
            "{what}: {} tokens compared, {} near-ties (margin at most {:.1e}), largest difference {:.1e}",
            self.compared, self.parted, self.margin, self.noise
        );
    }
}
