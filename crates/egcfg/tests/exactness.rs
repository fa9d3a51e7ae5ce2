//! The drafted schedule against the one-step schedule on a real model, with single-precision weights and cache, one task
//! at a time. Splitting a batch changes the last bits of the numbers, so two schedules may part only where two tokens are
//! as good as equal; the bound follows from the differences that are measured on the tokens before.

#![allow(clippy::unwrap_used, clippy::manual_is_multiple_of, reason = "test helpers")]

use egcfg_bench::SandboxExecutor;
use egcfg_guidance::{
    Event, EventSink, ExecutionCache, Schedule, Session, Settings, Template, generate, weight,
};
use egcfg_model::{LlamaModel, LlamaOptions, convert_to_f32};
use egcfg_sandbox::{Sandbox, SandboxOptions};
use egcfg_task::{Task, Test};
use std::sync::Mutex;

/// One accepted token with its log-probability under both streams, where they are known.
type Accepted = (u32, Option<f32>, Option<f32>);

#[derive(Default)]
struct Tokens(Mutex<Vec<Accepted>>);

impl EventSink for Tokens {
    fn emit(&self, event: &Event) {
        if let Event::Token { id, plain, guided, .. } = event {
            self.0.lock().unwrap().push((*id, *plain, *guided));
        }
    }
}

fn tasks() -> Vec<Task> {
    #[derive(serde::Deserialize)]
    struct Line {
        task_id: String,
        prompt: String,
        entry_point: String,
        tests: Vec<String>,
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/pocket/dev.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().skip(20).take(4).map(|line| serde_json::from_str::<Line>(line).unwrap());
    let task = |line: Line| Task {
        id: line.task_id,
        prompt: line.prompt,
        entry_point: line.entry_point,
        shown_tests: line.tests.into_iter().map(Test::Assert).collect(),
        ..Task::default()
    };
    lines.map(task).collect()
}

#[test]
fn drafting_changes_a_token_only_at_a_near_tie() {
    let folder = tempfile::tempdir().unwrap();
    let (half, single) = (folder.path().join("half.gguf"), folder.path().join("single.gguf"));
    std::fs::write(&half, egcfg_model::POCKET_GGUF).unwrap();
    convert_to_f32(&half, &single).unwrap();
    let model = LlamaModel::load(&LlamaOptions::new(&single).exact()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let runner = SandboxExecutor::new(Sandbox::start(SandboxOptions::default()).await.unwrap());
        let template = Template::named("pocket").unwrap();
        let (mut compared, mut parted, mut noise) = (0, 0, 1e-5_f64);
        for task in &tasks() {
            for (name, gamma) in
                [("ns3t0.9dinfk1_ln+om2re", 1.0), ("ns3t0.9d4k1_ln+oe", 0.5), ("ns2t0.9d3k1_ln", 3.0)]
            {
                let cache = ExecutionCache::default();
                let mut runs = Vec::new();
                for schedule in [Schedule::Drafted, Schedule::OneStep] {
                    let tokens = Tokens::default();
                    let session = Session {
                        model: &model,
                        executor: &runner,
                        template: &template,
                        task,
                        cache: &cache,
                        events: &tokens,
                    };
                    let settings =
                        Settings { config: name.parse().unwrap(), gamma, schedule, ..Settings::default() };
                    generate(session, &settings).await.unwrap();
                    runs.push(tokens.0.into_inner().unwrap());
                }
                let (drafted, stepped) = (&runs[0], &runs[1]);
                for (a, b) in drafted.iter().zip(stepped) {
                    compared += 1;
                    if a.0 == b.0 {
                        // The same token after the same context: any difference is noise of the arithmetic.
                        for (x, y) in [(a.1, b.1), (a.2, b.2)] {
                            if let (Some(x), Some(y)) = (x, y) {
                                noise = noise.max(f64::from(x - y).abs());
                            }
                        }
                        continue;
                    }
                    parted += 1;
                    let blended = |t: &Accepted| weight(t.1.unwrap_or(0.0), t.2.unwrap_or(0.0), gamma);
                    let bound = 4.0 * noise * ((1.0 - gamma).abs() + gamma.abs());
                    let margin = (blended(a) - blended(b)).abs();
                    assert!(
                        margin <= bound,
                        "{} {name} gamma {gamma}: parted by {margin}, noise {noise}",
                        task.id
                    );
                    break;
                }
            }
        }
        println!("{compared} tokens compared, {parted} near-ties, largest difference {noise:.1e}");
        assert!(compared > 300, "{compared}");
        assert!(noise < 1e-3, "single precision should not differ by {noise}");
    });
}
