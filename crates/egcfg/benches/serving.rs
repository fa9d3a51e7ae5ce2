//! What the server adds: the same work on the embedded model in this process and over HTTP from this process's own server, so
//! that both sides have one engine and one cache. Single requests are answered from the cache on both sides: what is left is
//! the server, the wire and the client. Prints lines for people and JSON lines for files.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench may stop and must print")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;

use egcfg_grade::SandboxExecutor;
use egcfg_guidance::{ExecutionCache, NoEvents, Session, Settings, Stats, Template, generate, solve};
use egcfg_model::{Encode, EndpointModel, EndpointOptions, LanguageModel, LlamaModel, ScoreRequest, TokenId};
use egcfg_sandbox::{Sandbox, SandboxOptions};
use egcfg_serve::{App, Limits, Parts};
use egcfg_task::{Task, Test};

/// Requests measured of each kind.
const TIMES: usize = 300;
const TASKS: usize = 12;
const CONFIG: &str = "ns3t0.9dinfk1_ln+om2re";

#[derive(serde::Deserialize)]
struct Line {
    task_id: String,
    prompt: String,
    entry_point: String,
    tests: Vec<String>,
}

fn tasks() -> Vec<Task> {
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
    text.lines().take(TASKS).map(read).collect()
}

/// Reports milliseconds: median and 95th percentile.
fn report(name: &str, mut times: Vec<f64>, more: &serde_json::Value) -> f64 {
    times.sort_by(f64::total_cmp);
    let (median, p95) = (times[times.len() / 2], times[times.len() * 95 / 100]);
    println!("{name:<58} median {median:8.3} ms, p95 {p95:8.3} ms, n {}  {more}", times.len());
    println!(
        "{}",
        serde_json::json!({ "name": name, "unit": "ms", "n": times.len(), "median": median, "p95": p95, "more": more })
    );
    median
}

/// One kind of score request, repeated.
async fn scores(model: &dyn LanguageModel, request: &ScoreRequest) -> Vec<f64> {
    let mut times = Vec::new();
    for _ in 0..TIMES {
        let started = Instant::now();
        model.score(request.clone()).await.unwrap();
        times.push(1e3 * started.elapsed().as_secs_f64());
    }
    times
}

/// One task, guided from this side; milliseconds, and the cost.
async fn generation(
    model: &dyn LanguageModel,
    runner: &SandboxExecutor,
    task: &Task,
    settings: &Settings,
) -> (f64, Stats) {
    let (template, cache) = (Template::named("pocket").unwrap(), ExecutionCache::default());
    let session =
        Session { model, executor: runner, template: &template, task, cache: &cache, events: &NoEvents };
    let started = Instant::now();
    let stats = generate(session, settings).await.unwrap().stats;
    (1e3 * started.elapsed().as_secs_f64(), stats)
}

/// A request with tests, whose decoding happens in the server.
fn guided_request(address: &str, task: &Task) -> serde_json::Value {
    let tests: Vec<&str> = task.shown_tests.iter().map(Test::key).collect();
    let body = serde_json::json!({
        "prompt": task.prompt, "tests": tests, "gamma": 1, "config": CONFIG, "task_id": task.id,
        "entry_point": task.entry_point, "seed": 0,
    })
    .to_string();
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST /v1/completions HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    serde_json::from_str(reply.split_once("\r\n\r\n").unwrap().1).unwrap()
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (model, runner) = runtime.block_on(async {
        let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
        (Arc::new(LlamaModel::pocket().unwrap()), Arc::new(SandboxExecutor::new(sandbox)))
    });
    let settings =
        Settings { config: CONFIG.parse().unwrap(), python: runner.python(), ..Settings::default() };
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let app = App::new(Parts {
        adapted: Vec::new(),
        model: Arc::<LlamaModel>::clone(&model),
        executor: Some(Arc::<SandboxExecutor>::clone(&runner)),
        template: Template::named("pocket").unwrap(),
        settings: settings.clone(),
        order: egcfg_guidance::Order { gammas: vec![1.0], ..egcfg_guidance::Order::default() },
        limits: Limits::default(),
        key: None,
        loopback_only: true,
        scripts: None,
        cors: Vec::new(),
        name: None,
    });
    runtime.spawn(egcfg_serve::serve(listener, app, std::future::pending()));
    let there =
        EndpointModel::connect(EndpointOptions::parse(&format!("http://{address}/v1")).unwrap()).unwrap();

    let mut context = model.encode("### Task\nkeep the even numbers\n### Code\n", Encode::Plain).unwrap();
    context.splice(0..0, model.info().bos);
    let draft = |from: TokenId| (from..from + 12).collect::<Vec<_>>();
    let tasks = tasks();
    runtime.block_on(async {
        for (name, drafts) in [
            ("one distribution", vec![]),
            ("three drafts of 12 tokens, 37 distributions", vec![draft(40), draft(60), draft(80)]),
        ] {
            let request = ScoreRequest { context: context.clone(), drafts };
            model.score(request.clone()).await.unwrap();
            let here = report(&format!("{name}, in process"), scores(&*model, &request).await, &"".into());
            let over = report(&format!("{name}, over HTTP"), scores(&there, &request).await, &"".into());
            println!("{name}: {:.3} ms are the server's, the wire's and the client's\n", over - here);
        }
        // Each task first once unmeasured: what follows finds the same prompts and draws in the cache, on both sides.
        let (mut here, mut over, mut cost) = (Vec::new(), Vec::new(), Stats::default());
        for task in &tasks {
            generation(&*model, &runner, task, &settings).await;
            here.push(generation(&*model, &runner, task, &settings).await.0);
            let (time, stats) = generation(&there, &runner, task, &settings).await;
            over.push(time);
            cost += stats;
        }
        let more = serde_json::json!({ "requests": cost.requests, "per_line": cost.requests_per_line() });
        let each = (over.iter().sum::<f64>() - here.iter().sum::<f64>()) / cost.requests as f64;
        report("guided generation, in process", here, &"".into());
        report("guided generation, the model over HTTP", over, &more);
        println!(
            "guided generation: {each:.2} ms per request are the server's, the wire's and the client's\n"
        );

        let template = Template::named("pocket").unwrap();
        let (mut here, mut over) = (Vec::new(), Vec::new());
        for task in &tasks {
            let mut passed = false;
            for measured in [false, true] {
                let cache = ExecutionCache::default();
                let session = Session {
                    model: &*model,
                    executor: &*runner,
                    template: &template,
                    task,
                    cache: &cache,
                    events: &NoEvents,
                };
                let started = Instant::now();
                passed = solve(session, &settings, &[1.0], 0).await.unwrap().solved();
                if measured {
                    here.push(1e3 * started.elapsed().as_secs_f64());
                }
            }
            let started = Instant::now();
            let reply = tokio::task::block_in_place(|| guided_request(&address, task));
            over.push(1e3 * started.elapsed().as_secs_f64());
            assert_eq!(reply["choices"][0]["egcfg"]["passed"], passed, "both decode the same: {reply}");
        }
        report("solve with tests, in process", here, &"".into());
        report("request with tests, decoded in the server", over, &"".into());
    });
    runtime.shutdown_background();
}
