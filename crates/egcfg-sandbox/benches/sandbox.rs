//! What the sandbox costs, next to starting a bare interpreter: latency of one judgement and one observation at a time,
//! then throughput with several in flight. Prints a table, and one JSON object per line of it on standard error.
//! `cargo bench -p egcfg-sandbox --bench sandbox`; `EGCFG_BENCH_RUNS` sets the number of runs (default 200).
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use egcfg_sandbox::{Program, Sandbox, SandboxOptions, TraceOptions};
use egcfg_task::Test;

const SOURCE: &str = "\
def f(nums):
    total = 0
    best = None
    for n in nums:
        if n % 2 == 0:
            total += n
        if best is None or n > best:
            best = n
    result = total
    return result
";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runs = std::env::var("EGCFG_BENCH_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(200);
    let python = std::env::var_os("EGCFG_PYTHON").map(PathBuf::from);
    let started = Instant::now();
    let sandbox = Sandbox::start(SandboxOptions { python, workers: 8, ..SandboxOptions::default() }).await?;
    let interpreter = sandbox.interpreter().clone();
    println!(
        "Python {}, started in {:.0} ms, {runs} runs each",
        interpreter.version,
        millis(started.elapsed())
    );
    if let Ok(load) = std::fs::read_to_string("/proc/loadavg") {
        println!("load {}", load.trim());
    }
    println!("{:34} {:>10} {:>10}", "one at a time", "median ms", "p90 ms");

    let bare = |flags: &'static [&'static str]| {
        let path = interpreter.path.clone();
        move || {
            let path = path.clone();
            async move {
                let status =
                    Command::new(path).args(flags).args(["-c", "pass"]).stdin(Stdio::null()).status();
                assert!(status.is_ok_and(|status| status.success()));
            }
        }
    };
    latency("python3 -c pass", runs, bare(&[])).await;
    latency("python3 -I -S -B -c pass", runs, bare(&["-I", "-S", "-B"])).await;
    latency("judge, 3 asserts", runs, || judge(sandbox.clone(), 3)).await;
    latency("observe, 1 assert", runs, || observe(sandbox.clone(), 1)).await;
    latency("observe, 3 asserts", runs, || observe(sandbox.clone(), 3)).await;

    println!("\n{:34} {:>10}", "in flight", "per second");
    for flight in [1, 2, 8] {
        throughput("judge, 3 asserts", flight, runs, || judge(sandbox.clone(), 3)).await;
        throughput("observe, 3 asserts", flight, runs, || observe(sandbox.clone(), 3)).await;
    }
    Ok(())
}

fn program() -> Program {
    Program { source: SOURCE.to_owned(), entry_point: "f".to_owned(), ..Program::default() }
}

fn tests(count: usize) -> Vec<Test> {
    let tests = ["assert f([1, 2, 4]) == 6", "assert f([]) == 0", "assert f([1, 3]) == 0"];
    tests.iter().take(count).map(|test| Test::Assert((*test).to_owned())).collect()
}

async fn judge(sandbox: Sandbox, count: usize) {
    let results = sandbox.judge(&program(), &tests(count)).await.unwrap_or_default();
    assert!(results.len() == count && results.iter().all(|result| result.verdict.passed()), "{results:?}");
}

async fn observe(sandbox: Sandbox, count: usize) {
    let observed =
        sandbox.observe(&program(), &tests(count), &TraceOptions::default()).await.unwrap_or_default();
    let whole = observed.iter().all(|one| one.result.verdict.passed() && one.trace.is_some());
    assert!(observed.len() == count && whole, "{observed:?}");
}

/// A pause between runs, as between two refreshes of a guided generation: the pool refills in it.
const PAUSE: Duration = Duration::from_millis(15);

async fn latency<F: Future<Output = ()>>(name: &str, runs: usize, run: impl Fn() -> F) {
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs {
        tokio::time::sleep(PAUSE).await;
        let started = Instant::now();
        run().await;
        times.push(started.elapsed());
    }
    times.sort_unstable();
    let (median, ninetieth) = (millis(times[runs / 2]), millis(times[runs * 9 / 10]));
    println!("{name:34} {median:>10.2} {ninetieth:>10.2}");
    let line = serde_json::json!({ "bench": name, "runs": runs, "median_ms": median, "p90_ms": ninetieth });
    eprintln!("{line}");
}

async fn throughput<F>(name: &str, flight: usize, runs: usize, run: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let started = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..runs {
        if running.len() >= flight {
            running.join_next().await;
        }
        running.spawn(run());
    }
    while running.join_next().await.is_some() {}
    let rate = runs as f64 / started.elapsed().as_secs_f64();
    println!("{:34} {rate:>10.0}", format!("{name} x {flight}"));
    let line = serde_json::json!({ "bench": name, "in_flight": flight, "runs": runs, "per_second": rate });
    eprintln!("{line}");
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
