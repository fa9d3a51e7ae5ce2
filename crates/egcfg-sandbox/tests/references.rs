//! Reference solutions of public data sets, where the data is there: a sample of each, all of which must pass. The
//! example `verify_references` judges the whole of them.
#![allow(clippy::unwrap_used, reason = "what a helper cannot have fails the test")]

mod common;

use std::io::Read;
use std::path::Path;

use common::{sandbox_on, shared};
use egcfg_sandbox::Program;
use egcfg_task::Test;
use serde_json::Value;

fn records(path: &Path) -> Vec<Value> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn all_pass(programs: Vec<(String, Program, Vec<Test>)>) {
    let sandbox = sandbox_on(None).await;
    let mut running = tokio::task::JoinSet::new();
    for (id, program, tests) in programs {
        let sandbox = sandbox.clone();
        running.spawn(async move { (id, sandbox.judge(&program, &tests).await.unwrap()) });
    }
    let mut failed = Vec::new();
    while let Some(done) = running.join_next().await {
        let (id, results) = done.unwrap();
        failed.extend(
            results.into_iter().filter(|result| !result.verdict.passed()).map(|result| (id.clone(), result)),
        );
    }
    assert!(failed.is_empty(), "{failed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sample_of_mbpp_passes() {
    let Some(path) = shared("data/mbpp.jsonl.gz") else { return };
    let records = records(&path);
    // The two that need their set-up code after the program are in, and one that takes long is not.
    let sample = records.iter().filter(|record| {
        let id = record["task_id"].as_u64().unwrap();
        id % 5 == 2 || id == 927
    });
    let programs = sample.map(|record| {
        let text = |field: &str| record[field].as_str().unwrap().to_owned();
        let tests: Vec<Test> = record["test_list"]
            .as_array()
            .unwrap()
            .iter()
            .map(|test| Test::Assert(test.as_str().unwrap().to_owned()))
            .collect();
        // The function that the first test names and the program defines.
        let source = text("code");
        let names = source.match_indices("def ").map(|(at, _)| &source[at + 4..]);
        let entry_point = names
            .map(|rest| rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap().to_owned())
            .filter(|name| tests[0].key().contains(name.as_str()))
            .last()
            .unwrap_or_default();
        (
            record["task_id"].to_string(),
            Program { entry_point, setup_code: text("test_setup_code"), source, ..Program::default() },
            tests,
        )
    });
    let programs: Vec<_> = programs.collect();
    assert!(programs.len() > 190);
    all_pass(programs).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_humaneval_passes() {
    let Some(path) = shared("data/humaneval.jsonl.gz") else { return };
    let programs = records(&path).into_iter().map(|record| {
        let text = |field: &str| record[field].as_str().unwrap().to_owned();
        let entry_point = text("entry_point");
        let test = format!("{}\ncheck({entry_point})\n", text("test"));
        let source = text("prompt") + &text("canonical_solution");
        (text("task_id"), Program { source, entry_point, ..Program::default() }, vec![Test::Assert(test)])
    });
    all_pass(programs.collect()).await;
}
