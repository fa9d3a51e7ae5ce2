//! What each layer costs per judgement, in processor time of the sandbox's processes, which a busy machine falsifies less than
//! real time: the slope between a short and a long series, so that the start does not count.
//!
//! `cargo run --release -p egcfg-sandbox --example level_cost [judgements] [interpreter]`
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use egcfg_sandbox::{LevelChoice, Program, Sandbox, SandboxOptions, available_levels};
use egcfg_task::Test;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let runs: u32 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(200);
    let options = SandboxOptions {
        python: arguments.next().map(PathBuf::from),
        workers: 2,
        ..SandboxOptions::default()
    };
    println!("{:6} {:>20} {:>20}", "level", "processor ms/judged", "real ms/judged");
    for level in available_levels(&options).await? {
        let options = SandboxOptions { level: LevelChoice::Exactly(level), ..options.clone() };
        let (short, long) = (series(&options, runs / 5).await?, series(&options, runs).await?);
        let per = |short: Duration, long: Duration| {
            long.saturating_sub(short).as_secs_f64() * 1e3 / f64::from(runs - runs / 5)
        };
        let (processor, real) = (per(short.0, long.0), per(short.1, long.1));
        println!("{level:6} {processor:>20.2} {real:>20.2}");
        eprintln!(
            "{}",
            serde_json::json!({ "bench": "level_cost", "level": level.name(), "cpu_ms": processor, "wall_ms": real })
        );
    }
    Ok(())
}

/// Processor time of all processes of one sandbox, and real time of its judgements.
async fn series(
    options: &SandboxOptions,
    runs: u32,
) -> Result<(Duration, Duration), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start(options.clone()).await?;
    let program = Program {
        source: "def f(xs):\n    return [x * x for x in xs if x % 2]\n".to_owned(),
        entry_point: "f".to_owned(),
        ..Program::default()
    };
    let started = Instant::now();
    for _ in 0..runs {
        let results =
            sandbox.judge(&program, &[Test::Assert("assert f([1, 2, 3]) == [1, 9]".to_owned())]).await?;
        if !results[0].verdict.passed() {
            return Err(format!("{:?}", results[0]).into());
        }
    }
    let real = started.elapsed();
    // A moment for the last children to be reaped by their interpreter, whose account then holds them.
    tokio::time::sleep(Duration::from_millis(500)).await;
    Ok((below(std::process::id()), real))
}

/// Processor time of all processes below this one, those that they have waited for included.
fn below(of: u32) -> Duration {
    let mut all = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let text = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let Some((head, rest)) = text.rsplit_once(')') else { continue };
        let fields: Vec<u64> =
            rest.split_ascii_whitespace().skip(1).map(|f| f.parse().unwrap_or(0)).collect();
        let pid = head.split(' ').next().and_then(|pid| pid.parse::<u64>().ok()).unwrap_or(0);
        if let (Some(&parent), Some(times)) = (fields.first(), fields.get(10..14)) {
            all.push((pid, parent, times.iter().sum::<u64>()));
        }
    }
    let (mut family, mut ticks, mut at) = (vec![u64::from(of)], 0, 0);
    while at < family.len() {
        let parent = family[at];
        for (pid, _, times) in all.iter().filter(|(_, of, _)| *of == parent) {
            family.push(*pid);
            ticks += times;
        }
        at += 1;
    }
    Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}
