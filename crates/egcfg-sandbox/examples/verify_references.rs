//! Judges the reference solutions of MBPP and HumanEval and prints how many pass, how long it took, and every one that
//! does not. `cargo run --release -p egcfg-sandbox --example verify_references -- DIR [PYTHON]`, where DIR holds
//! `mbpp.jsonl.gz` and `humaneval.jsonl.gz`.
#![allow(clippy::print_stdout)]

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use egcfg_sandbox::{Program, Sandbox, SandboxOptions};
use egcfg_task::Test;
use serde_json::Value;

/// Its name, the reference solution, the tests.
type Record = (String, Program, Vec<Test>);
type Reader = fn(&Value) -> Option<Record>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let directory = arguments.next().ok_or("name the directory of the data files")?;
    let options = SandboxOptions { python: arguments.next(), ..SandboxOptions::default() };
    let sandbox = Sandbox::start(options).await?;
    println!("Python {}", sandbox.interpreter().version);
    let tasks: [(&str, Reader); 2] = [("mbpp.jsonl.gz", mbpp), ("humaneval.jsonl.gz", humaneval)];
    for (file, read) in tasks {
        let path = directory.join(file);
        if !path.exists() {
            println!("{file}: not there, skipped");
            continue;
        }
        let records: Vec<_> = lines(&path)?.iter().filter_map(read).collect();
        let started = Instant::now();
        let mut running = tokio::task::JoinSet::new();
        let total = records.len();
        for (id, program, tests) in records {
            let sandbox = sandbox.clone();
            running.spawn(async move { (id, sandbox.judge(&program, &tests).await) });
        }
        let (mut passed, mut unproven) = (0, Vec::new());
        while let Some(done) = running.join_next().await {
            let (id, results) = done?;
            let results = results?;
            if results.iter().any(|result| result.unproven) {
                unproven.push(id.clone());
            }
            match results.iter().find(|result| !result.verdict.passed()) {
                None => passed += 1,
                Some(result) => println!("  {id}: {} {:?}", result.verdict, result.error),
            }
        }
        println!(
            "{file}: {passed}/{total} pass in {:.1} s; unproven: {}",
            started.elapsed().as_secs_f64(),
            unproven.join(" ")
        );
    }
    Ok(())
}

fn lines(path: &Path) -> Result<Vec<Value>, Box<dyn std::error::Error>> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path)?).read_to_string(&mut text)?;
    text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

fn mbpp(record: &Value) -> Option<Record> {
    let tests: Vec<Test> = ["test_list", "challenge_test_list"]
        .iter()
        .filter_map(|field| record[field].as_array())
        .flatten()
        .filter_map(|test| Some(Test::Assert(test.as_str()?.to_owned())))
        .collect();
    let program = Program {
        source: record["code"].as_str()?.to_owned(),
        entry_point: called(record["test_list"][0].as_str()?)?,
        setup_code: record["test_setup_code"].as_str()?.to_owned(),
        ..Program::default()
    };
    Some((record["task_id"].to_string(), program, tests))
}

/// The first name before an opening parenthesis that is no built-in function around the call.
fn called(test: &str) -> Option<String> {
    const AROUND: &[&str] =
        &["assert", "not", "set", "sorted", "list", "tuple", "len", "str", "math", "isclose", "abs", "round"];
    test.split('(').find_map(|part| {
        let name = part.trim_end().rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).next()?;
        (!name.is_empty() && !AROUND.contains(&name)).then(|| name.to_owned())
    })
}

fn humaneval(record: &Value) -> Option<Record> {
    let entry_point = record["entry_point"].as_str()?.to_owned();
    let source = format!("{}{}", record["prompt"].as_str()?, record["canonical_solution"].as_str()?);
    let test = format!("{}\ncheck({entry_point})\n", record["test"].as_str()?);
    let id = record["task_id"].as_str()?.to_owned();
    Some((id, Program { source, entry_point, ..Program::default() }, vec![Test::Assert(test)]))
}
