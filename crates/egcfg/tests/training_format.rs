//! What the embedded model reads at run time is, byte for byte, what it was trained on: the candidates of the training
//! fixtures are run in the real sandbox and written by the real renderer.

#![allow(clippy::unwrap_used, reason = "test helpers")]

use egcfg_guidance::compact_entry;
use egcfg_sandbox::{Program, Sandbox, SandboxOptions, TraceOptions};
use egcfg_task::{Task, Test};

#[derive(serde::Deserialize)]
struct Fixture {
    description: String,
    tests: Vec<String>,
    entries: Vec<Entry>,
    text: String,
}

#[derive(serde::Deserialize)]
struct Entry {
    code: String,
    finished: bool,
}

#[test]
fn signal_entries_are_written_as_in_training() {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/pocket/fixtures/prompts.json");
    let fixtures: Vec<Fixture> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
        let mut compared = 0;
        for fixture in &fixtures {
            let tests: Vec<&str> = fixture.tests.iter().map(String::as_str).collect();
            let task = Task {
                prompt: fixture.description.clone(),
                entry_point: egcfg_python::entry_point(&tests).unwrap(),
                shown_tests: fixture.tests.iter().cloned().map(Test::Assert).collect(),
                ..Task::default()
            };
            let mut text = format!("### Task\n{}\n{}\n", fixture.description, fixture.tests.join("\n"));
            if !fixture.entries.is_empty() {
                text.push_str("### Runs\n");
            }
            for entry in &fixture.entries {
                let program = Program {
                    source: entry.code.clone(),
                    entry_point: task.entry_point.clone(),
                    ..Program::default()
                };
                let seen =
                    sandbox.observe(&program, &task.shown_tests, &TraceOptions::default()).await.unwrap();
                text.push_str(&compact_entry(&task, &entry.code, entry.finished, &seen, true));
                compared += 1;
            }
            text.push_str("### Code\n");
            assert!(fixture.text.starts_with(&text), "expected\n{}\n\nwritten\n{text}", fixture.text);
        }
        assert!(compared > 20, "{compared}");
    });
}
