//! What a guided run costs, end to end, with the real sandbox: forwards per line and wall time of the drafted and the
//! one-step schedule, tokens sampled with fresh draws and with reuse (embedded model), the tree of programs at widths 1 and 8, and
//! the share of time spent outside the model (a model of 98 M random weights). Prints lines for people and JSON lines for files.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench may stop and must print")]

use std::sync::Mutex;
use std::time::{Duration, Instant};

use egcfg_grade::SandboxExecutor;
use egcfg_guidance::{
    ExecutionCache, Limits, NoEvents, Schedule, Search, Session, Settings, Stats, Template, generate, search,
};
use egcfg_model::{
    Encode, LanguageModel, LlamaModel, LlamaOptions, ModelError, ModelInfo, RandomLlama, Sample,
    SampleRequest, ScoreReply, ScoreRequest, TokenId, Usage,
};
use egcfg_sandbox::{Sandbox, SandboxOptions};
use egcfg_task::{Task, Test};
use futures::future::BoxFuture;

/// A model that counts the time spent in it.
struct Timed {
    inner: LlamaModel,
    spent: Mutex<Duration>,
}

impl Timed {
    fn add(&self, since: Instant) {
        *self.spent.lock().unwrap() += since.elapsed();
    }
}

impl LanguageModel for Timed {
    fn info(&self) -> &ModelInfo {
        self.inner.info()
    }

    fn encode(&self, text: &str, how: Encode) -> Result<Vec<TokenId>, ModelError> {
        let started = Instant::now();
        let tokens = self.inner.encode(text, how);
        self.add(started);
        tokens
    }

    fn token_bytes(&self, token: TokenId) -> &[u8] {
        self.inner.token_bytes(token)
    }

    fn score(&self, request: ScoreRequest) -> BoxFuture<'_, Result<ScoreReply, ModelError>> {
        Box::pin(async move {
            let started = Instant::now();
            let reply = self.inner.score(request).await;
            self.add(started);
            reply
        })
    }

    fn sample(&self, request: SampleRequest) -> BoxFuture<'_, Result<(Vec<Sample>, Usage), ModelError>> {
        Box::pin(async move {
            let started = Instant::now();
            let reply = self.inner.sample(request).await;
            self.add(started);
            reply
        })
    }

    fn score_all(&self, requests: Vec<ScoreRequest>) -> BoxFuture<'_, Result<Vec<ScoreReply>, ModelError>> {
        Box::pin(async move {
            let started = Instant::now();
            let reply = self.inner.score_all(requests).await;
            self.add(started);
            reply
        })
    }
}

#[derive(serde::Deserialize)]
struct Line {
    task_id: String,
    prompt: String,
    entry_point: String,
    tests: Vec<String>,
}

fn tasks(count: usize) -> Vec<Task> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tools/pocket/dev.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let read = |line: &str| {
        let line: Line = serde_json::from_str(line).unwrap();
        Task {
            id: line.task_id,
            prompt: line.prompt,
            entry_point: line.entry_point,
            shown_tests: line.tests.into_iter().map(Test::Assert).collect(),
            ..Task::default()
        }
    };
    text.lines().take(count).map(read).collect()
}

/// Runs all tasks one after the other; costs, wall time, time in the model.
async fn run(
    model: &Timed,
    runner: &SandboxExecutor,
    tasks: &[Task],
    settings: &Settings,
) -> (Stats, f64, f64) {
    let template = Template::named("pocket").unwrap();
    *model.spent.lock().unwrap() = Duration::ZERO;
    let (started, mut stats) = (Instant::now(), Stats::default());
    for task in tasks {
        let cache = ExecutionCache::default();
        let session =
            Session { model, executor: runner, template: &template, task, cache: &cache, events: &NoEvents };
        stats += generate(session, settings).await.unwrap().stats;
    }
    (stats, started.elapsed().as_secs_f64(), model.spent.lock().unwrap().as_secs_f64())
}

/// Searches all tasks one after the other; how many programs pass the shown tests, costs, wall time, time in the model.
async fn grow(
    model: &Timed,
    runner: &SandboxExecutor,
    tasks: &[Task],
    settings: &Settings,
    how: &Search,
) -> (usize, Stats, f64, f64) {
    let template = Template::named("pocket").unwrap();
    *model.spent.lock().unwrap() = Duration::ZERO;
    let (started, mut stats, mut solved) = (Instant::now(), Stats::default(), 0);
    for task in tasks {
        let cache = ExecutionCache::default();
        let session =
            Session { model, executor: runner, template: &template, task, cache: &cache, events: &NoEvents };
        let found = search(session, settings, how).await.unwrap();
        stats += found.solution.stats();
        solved += usize::from(found.solution.solved());
    }
    (solved, stats, started.elapsed().as_secs_f64(), model.spent.lock().unwrap().as_secs_f64())
}

/// The tree at widths 1 and 8.
async fn widths(name: &str, model: &Timed, runner: &SandboxExecutor, tasks: &[Task], tokens: usize) {
    for width in [1, 8] {
        let settings = Settings {
            config: "ns1t1.0dinfk1_ln".parse().unwrap(),
            max_tokens: Some(tokens.min(512)),
            ..Settings::default()
        };
        let limits = Limits { tokens: Some(tokens), ..Limits::default() };
        let how = Search { width, limits, ..Search::default() };
        let (solved, stats, wall, inside) = grow(model, runner, tasks, &settings, &how).await;
        let outside = 100.0 * (wall - inside) / wall;
        let (generated, count) = (stats.generated_tokens(), tasks.len());
        let name = format!("tree, width {width}, {name}");
        println!(
            "{name:<34} {wall:7.2} s, {outside:5.1} % outside the model, {generated:6} tokens generated, {:6} computed, {solved} of {count} pass the shown tests",
            stats.computed_tokens
        );
        println!(
            "{}",
            serde_json::json!({ "name": name, "wall_s": wall, "model_s": inside, "solved": solved, "cost": stats })
        );
    }
}

fn report(name: &str, stats: &Stats, wall: f64, inside: f64) {
    let outside = 100.0 * (wall - inside) / wall;
    let per_line = stats.guided_forwards as f64 / stats.guided_lines.max(1) as f64;
    println!(
        "{name:<34} {wall:7.2} s, {outside:5.1} % outside the model, {:5} guided forwards, {per_line:.2} per line, {:6} tokens sampled, {:6} computed",
        stats.guided_forwards, stats.sampled_tokens, stats.computed_tokens
    );
    println!("{}", serde_json::json!({ "name": name, "wall_s": wall, "model_s": inside, "cost": stats }));
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let runner = SandboxExecutor::new(Sandbox::start(SandboxOptions::default()).await.unwrap());
        let pocket = Timed { inner: LlamaModel::pocket().unwrap(), spent: Mutex::default() };
        let tasks = tasks(20);
        for (name, config, schedule) in [
            ("pocket, drafted, reuse", "ns3t0.9dinfk1_ln+om2re", Schedule::Drafted),
            ("pocket, one-step, reuse", "ns3t0.9dinfk1_ln+om2re", Schedule::OneStep),
            ("pocket, drafted, fresh draws", "ns3t0.9dinfk1_ln+om2e", Schedule::Drafted),
        ] {
            let settings = Settings { config: config.parse().unwrap(), schedule, ..Settings::default() };
            let (stats, wall, inside) = run(&pocket, &runner, &tasks, &settings).await;
            report(name, &stats, wall, inside);
        }
        widths("pocket", &pocket, &runner, &tasks, 1650).await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("random.gguf");
        RandomLlama::hundred_million().write(&path).unwrap();
        let options = LlamaOptions { context: Some(2048), ..LlamaOptions::new(&path) };
        let random = Timed { inner: LlamaModel::load(&options).unwrap(), spent: Mutex::default() };
        // Random weights never write a definition: the task gives the beginning, so that guidance runs at once.
        let tasks: Vec<Task> = tasks
            .into_iter()
            .take(2)
            .map(|task| Task { header: format!("def {}(xs):\n    a = []\n", task.entry_point), ..task })
            .collect();
        let settings = Settings {
            config: "ns3t0.9d4k1_ln+om2re".parse().unwrap(),
            max_tokens: Some(40),
            ..Settings::default()
        };
        let (stats, wall, inside) = run(&random, &runner, &tasks, &settings).await;
        report("98 M random weights, drafted", &stats, wall, inside);
        widths("98 M random weights", &random, &runner, &tasks, 320).await;
    });
}
