//! What the sandbox costs at every layer that this machine offers, next to starting a plain interpreter: latency of one run at
//! a time, throughput and processor time with 1, 2, 8 and 32 in flight, what each layer adds to a judgement, and the memory of a
//! warm interpreter and of the children that wait. Prints a table for the reader, and one JSON object per measurement.
//!
//! `cargo bench -p egcfg-sandbox --bench sandbox`; `EGCFG_BENCH_RUNS` sets the number of runs (default 200), `EGCFG_PYTHON`
//! the interpreter. Words on the command line choose: a part (`latency`, `throughput`, `memory`), `level=L0` one layer, and
//! `only=judge` the measurements whose name begins so.
#![allow(clippy::print_stdout)]

#[path = "sandbox/accounts.rs"]
mod accounts;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use egcfg_sandbox::{Level, LevelChoice, Program, Sandbox, SandboxOptions, TraceOptions, available_levels};
use egcfg_task::Test;
use serde_json::json;

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
const TESTS: [&str; 3] = ["assert f([1, 2, 4]) == 6", "assert f([]) == 0", "assert f([1, 3]) == 0"];
const IN_FLIGHT: [usize; 4] = [1, 2, 8, 32];
/// A pause between single runs, as between two refreshes of a guided generation: the pool refills in it.
const PAUSE: Duration = Duration::from_millis(15);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runs =
        std::env::var("EGCFG_BENCH_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(200).max(1);
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let value = |key: &str| words.iter().find_map(|word| word.strip_prefix(key)).map(str::to_owned);
    let (only, level) = (value("only=").unwrap_or_default(), value("level="));
    let parts: Vec<_> = words.iter().filter(|word| !word.contains('=')).collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|word| *word == part);
    let python = std::env::var_os("EGCFG_PYTHON").map(PathBuf::from);
    let options = SandboxOptions { python, workers: 8, calibrate: false, ..SandboxOptions::default() };
    let mut costs: Vec<(Level, f64)> = Vec::new();
    let levels = available_levels(&options).await?;
    let levels = levels.into_iter().filter(|one| level.as_deref().is_none_or(|name| name == one.name()));
    for (number, level) in levels.enumerate() {
        let bench = Bench::start(&options, level, runs, only.clone()).await?;
        if wanted("latency") {
            bench.latencies(number == 0).await;
        }
        if wanted("throughput") {
            costs.extend(bench.throughputs(number == 0).await.map(|cost| (level, cost)));
        }
        if wanted("memory") {
            bench.memory().await;
        }
    }
    overheads(&costs, runs);
    Ok(())
}

/// What each layer adds to the layer below it.
fn overheads(costs: &[(Level, f64)], runs: usize) {
    if costs.len() > 1 {
        println!("\nprocessor time that a layer adds to a judgement by 3 asserts, ms");
    }
    for pair in costs.windows(2) {
        let (name, added) = (format!("{} over {}", pair[1].0, pair[0].0), pair[1].1 - pair[0].1);
        println!("{name:28} {added:>10.2}");
        println!("{}", json!({ "name": name, "unit": "ms", "n": runs * IN_FLIGHT.len(), "median": added }));
    }
}

struct Bench {
    level: Level,
    sandbox: Sandbox,
    python: PathBuf,
    runs: usize,
    only: String,
}

impl Bench {
    async fn start(
        options: &SandboxOptions,
        level: Level,
        runs: usize,
        only: String,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let started = Instant::now();
        let options = SandboxOptions { level: LevelChoice::Exactly(level), ..options.clone() };
        let sandbox = Sandbox::start(options).await?;
        let interpreter = sandbox.interpreter();
        println!(
            "\nlayer {level}: Python {}, started in {:.0} ms, {runs} runs each",
            interpreter.version,
            millis(started.elapsed())
        );
        if let Ok(load) = std::fs::read_to_string("/proc/loadavg") {
            println!("load {}", load.trim());
        }
        Ok(Self { level, python: interpreter.path.clone(), sandbox, runs, only })
    }

    async fn latencies(&self, with_plain: bool) {
        println!("\n{:28} {:>10} {:>10}", "one at a time", "median ms", "p90 ms");
        if with_plain {
            self.latency("python3 -c pass", || plain(&self.python, &[], "pass")).await;
            self.latency("python3 -I -S -B -c pass", || plain(&self.python, &["-I", "-S", "-B"], "pass"))
                .await;
        }
        self.latency("judge, 3 asserts", || judge(self.sandbox.clone(), 3)).await;
        self.latency("observe, 1 assert", || observe(self.sandbox.clone(), 1)).await;
        self.latency("observe, 3 asserts", || observe(self.sandbox.clone(), 3)).await;
        self.latency("trace, 1 call", || trace(self.sandbox.clone())).await;
    }

    async fn latency<F: Future<Output = ()>>(&self, name: &str, run: impl Fn() -> F) {
        if !name.starts_with(&self.only) {
            return;
        }
        let mut times = Vec::with_capacity(self.runs);
        for _ in 0..self.runs {
            tokio::time::sleep(PAUSE).await;
            let started = Instant::now();
            run().await;
            times.push(started.elapsed());
        }
        times.sort_unstable();
        let (median, ninetieth) = (millis(times[self.runs / 2]), millis(times[self.runs * 9 / 10]));
        println!("{name:28} {median:>10.2} {ninetieth:>10.2}");
        println!(
            "{}",
            json!({ "name": self.named(name), "unit": "ms", "n": self.runs, "median": median, "p90": ninetieth })
        );
    }

    /// A measurement's name with the layer, which a plain interpreter has none of.
    fn named(&self, name: &str) -> String {
        if name.starts_with("python3") { name.to_owned() } else { format!("{}: {name}", self.level) }
    }

    /// Returns the mean processor time of a judgement, in ms.
    async fn throughputs(&self, with_plain: bool) -> Option<f64> {
        let mut judged = Vec::new();
        println!("\n{:28} {:>9} {:>10} {:>10}", "", "in flight", "per second", "CPU ms");
        for flight in IN_FLIGHT {
            let whole = format!("{SOURCE}{}\n", TESTS.join("\n"));
            let python = self.python.clone();
            let run = move || {
                let (python, whole) = (python.clone(), whole.clone());
                async move { plain(&python, &[], &whole).await }
            };
            if with_plain {
                self.throughput("python3 -c, 3 asserts", flight, run).await;
            }
            let sandbox = self.sandbox.clone();
            judged
                .extend(self.throughput("judge, 3 asserts", flight, move || judge(sandbox.clone(), 3)).await);
            let (sandbox, number) = (self.sandbox.clone(), AtomicU64::new(0));
            let run = move || judge_new(sandbox.clone(), number.fetch_add(1, Ordering::Relaxed));
            self.throughput("judge, 3 new asserts", flight, run).await;
            let sandbox = self.sandbox.clone();
            self.throughput("observe, 3 asserts", flight, move || observe(sandbox.clone(), 3)).await;
            let sandbox = self.sandbox.clone();
            self.throughput("trace, 1 call", flight, move || trace(sandbox.clone())).await;
        }
        (!judged.is_empty()).then(|| judged.iter().sum::<f64>() / judged.len() as f64)
    }

    /// Runs and their processor time, everything counted that it takes: the supervisor, the warm interpreters, the children.
    async fn throughput<F>(&self, name: &str, flight: usize, run: impl Fn() -> F) -> Option<f64>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if !name.starts_with(&self.only) {
            return None;
        }
        let (started, before) = (Instant::now(), accounts::cpu());
        let mut running = tokio::task::JoinSet::new();
        for _ in 0..self.runs {
            if running.len() >= flight {
                running.join_next().await;
            }
            running.spawn(run());
        }
        while running.join_next().await.is_some() {}
        let rate = self.runs as f64 / started.elapsed().as_secs_f64();
        let cpu = millis(accounts::cpu().saturating_sub(before)) / self.runs as f64;
        println!("{name:28} {flight:>9} {rate:>10.0} {cpu:>10.2}");
        let line = json!({
            "name": self.named(&format!("{name}, {flight} in flight")), "unit": "1/s", "n": self.runs, "median": rate,
            "in_flight": flight, "cpu_ms": cpu,
        });
        println!("{line}");
        Some(cpu)
    }

    /// The warm interpreters and the children that wait, some time after the last run.
    async fn memory(&self) {
        tokio::time::sleep(Duration::from_millis(300)).await;
        println!("\n{:28} {:>9} {:>9} {:>9} {:>9}", "memory, MB", "processes", "resident", "share", "alone");
        let mut warm = accounts::children(std::process::id());
        if self.level >= Level::L1 {
            // The first process only waits for the one that is in the namespaces.
            warm = warm.into_iter().flat_map(accounts::children).collect();
        }
        let waiting = warm.iter().flat_map(|pid| accounts::children(*pid)).collect();
        for (name, pids) in [("warm interpreter", warm), ("waiting child", waiting)] {
            let sizes: Vec<_> = pids.iter().filter_map(|pid| accounts::memory(*pid)).collect();
            let mean = |index: usize| {
                sizes.iter().map(|size| size[index]).sum::<u64>() as f64 / sizes.len().max(1) as f64
            };
            let (resident, share, alone) = (mean(0), mean(1), mean(2));
            println!(
                "{name:28} {:>9} {:>9.1} {:>9.1} {:>9.1}",
                sizes.len(),
                resident / 1e6,
                share / 1e6,
                alone / 1e6
            );
            let line = json!({
                "name": self.named(&format!("memory of a {name}")), "unit": "bytes", "n": sizes.len(), "median": share,
                "resident": resident, "alone": alone,
            });
            println!("{line}");
        }
    }
}

fn program() -> Program {
    Program { source: SOURCE.to_owned(), entry_point: "f".to_owned(), ..Program::default() }
}

fn tests(count: usize) -> Vec<Test> {
    TESTS.iter().take(count).map(|test| Test::Assert((*test).to_owned())).collect()
}

/// What a run without a sandbox costs.
async fn plain(python: &Path, flags: &[&str], source: &str) {
    let mut command = tokio::process::Command::new(python);
    let status = command.args(flags).args(["-c", source]).stdin(Stdio::null()).status().await;
    assert!(status.is_ok_and(|status| status.success()), "{} did not run", python.display());
}

async fn judge(sandbox: Sandbox, count: usize) {
    let results = sandbox.judge(&program(), &tests(count)).await.unwrap_or_default();
    assert!(results.len() == count && results.iter().all(|result| result.verdict.passed()), "{results:?}");
}

/// Tests that nothing has been judged by before, where those of [`judge`] are the same each time.
async fn judge_new(sandbox: Sandbox, number: u64) {
    let even = 2 * number;
    let tests = [
        format!("assert f([1, 2, {even}]) == {}", even + 2),
        format!("assert f([{even}]) == {even}"),
        format!("assert f([{}, 3]) == 0", even + 1),
    ];
    let results = sandbox.judge(&program(), &tests.map(Test::Assert)).await.unwrap_or_default();
    assert!(results.len() == 3 && results.iter().all(|result| result.verdict.passed()), "{results:?}");
}

async fn observe(sandbox: Sandbox, count: usize) {
    let observed =
        sandbox.observe(&program(), &tests(count), &TraceOptions::default()).await.unwrap_or_default();
    let whole = observed.iter().all(|one| one.result.verdict.passed() && one.trace.is_some());
    assert!(observed.len() == count && whole, "{observed:?}");
}

async fn trace(sandbox: Sandbox) {
    let traced = sandbox.trace(&program(), "f([1, 2, 4])", &TraceOptions::default()).await;
    assert!(traced.is_ok_and(|traced| traced.trace.cut.is_none()), "the trace is not whole");
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
