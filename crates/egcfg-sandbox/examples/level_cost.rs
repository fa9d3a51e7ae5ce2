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
    let before = ended_processes();
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
    drop(sandbox);
    // Their account is complete when the last of them has been waited for.
    let mut last = ended_processes();
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now = ended_processes();
        if now == last && now > before {
            return Ok((now.saturating_sub(before), real));
        }
        last = now;
    }
}

/// Processor time of this process's ended children and theirs, from the kernel's account of it.
fn ended_processes() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit_once(')').map_or("", |(_, rest)| rest).split_ascii_whitespace();
    let ticks: u64 = fields.skip(13).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}
